#!/usr/bin/env bash
# What a pipeline does with a workflow repository. It needs `plimsoll` and `git`, and nothing of any CI's own.
#
#   plimsoll-ci.sh review BASE           check, behaviour diff as a comment, drills: for a proposed change
#   plimsoll-ci.sh release ENVIRONMENT   check, drills, and a release that the pipeline signs as its author
#
#   PLIMSOLL_REPO         the workflow repository; default: here
#   PLIMSOLL_OUT          where results are written; default: plimsoll-out
#   PLIMSOLL_FAIL_ON      review: the lowest level of change that fails the job (notice, review, owner); default: none does,
#                         because the signatures under the release are what approves
#   PLIMSOLL_APPROVED     review: a file of approved fingerprints, one a line
#   PLIMSOLL_LIVE         release: the release file that runs in the environment; leave it out for a first release
#   PLIMSOLL_KEY          release: the text of the pipeline's signing key (a secret of the CI)
#   PLIMSOLL_SIGNING_KEY  release: or a file that holds it
#
# The pipeline is a person of people.yaml with `may: [author]` and nothing else: it makes releases and approves none.
set -euo pipefail

export PLIMSOLL_REPO=${PLIMSOLL_REPO:-.}
out=${PLIMSOLL_OUT:-plimsoll-out}
say() { printf '%s\n' "$*" >&2; }

usage() {
  sed -n '2,16p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2
  exit 2
}

check() {
  say "== check"
  plimsoll check
}

drills() {
  say "== drills"
  plimsoll drill run
}

review() {
  local base=$1 fail_on=${PLIMSOLL_FAIL_ON:-} level=0
  local approved=()
  [[ -n ${PLIMSOLL_APPROVED:-} ]] && approved=(--approved "$PLIMSOLL_APPROVED")
  mkdir -p "$out"
  check
  say "== diff against $base"
  # The exit code is the highest level that nobody approved: 3 notice, 4 review, 5 owner; 1 and 2 are failures.
  plimsoll diff "$base...HEAD" --format markdown "${approved[@]}" >"$out/comment.md" || level=$?
  case $level in
    0 | 3 | 4 | 5) ;;
    *) say "the diff failed with exit code $level"; exit "$level" ;;
  esac
  plimsoll diff "$base...HEAD" --format sarif "${approved[@]}" >"$out/diff.sarif" || true
  [[ -n ${GITHUB_STEP_SUMMARY:-} ]] && cat "$out/comment.md" >>"$GITHUB_STEP_SUMMARY"
  drills
  if [[ -n $fail_on ]]; then
    plimsoll diff "$base...HEAD" --fail-on "$fail_on" "${approved[@]}" >/dev/null
  fi
}

release() {
  local environment=$1 base=() key=${PLIMSOLL_SIGNING_KEY:-}
  [[ -n ${PLIMSOLL_LIVE:-} ]] && base=(--base "$PLIMSOLL_LIVE")
  mkdir -p "$out"
  check
  drills
  say "== release for $environment"
  if [[ -z $key ]]; then
    [[ -n ${PLIMSOLL_KEY:-} ]] || { say "no key: set PLIMSOLL_KEY or PLIMSOLL_SIGNING_KEY"; exit 2; }
    # Readable by this job alone, and gone with it.
    key=$(mktemp)
    # shellcheck disable=SC2064 # the name as it is now
    trap "rm -f '$key'" EXIT
    chmod 600 "$key"
    printf '%s\n' "$PLIMSOLL_KEY" >"$key"
    unset PLIMSOLL_KEY
  fi
  plimsoll release create --environment "$environment" "${base[@]}" --key "$key" --out "$out/candidate.release.json"
  plimsoll release show "$out/candidate.release.json" >"$out/candidate.txt"
}

case ${1:-} in
  review) [[ $# -eq 2 ]] || usage; review "$2" ;;
  release) [[ $# -eq 2 ]] || usage; release "$2" ;;
  *) usage ;;
esac

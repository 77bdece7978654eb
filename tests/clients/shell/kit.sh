# What the shell client scripts share: settings, a scratch folder with its own HOME, and the lines that are printed.
# Sourced, never run.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
url=${PLIMSOLL_URL:-http://127.0.0.1:7300}
url=${url%/}
key=${PLIMSOLL_KEY:-}
model=${PLIMSOLL_MODEL:-gullible}
mcp_url=${MCP_URL:-$url/mcp/desk}
node_home=${CLIENTS_NODE:-$root/target/clients/node}
bin=$node_home/node_modules/.bin
patience=${CLIENTS_PATIENCE:-90}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/plimsoll-clients.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/home" "$scratch/project"

failed=0
ok() { echo "ok $client $1"; }
fail() {
  echo "FAIL $client $1: $(tr '\n' ' ' <<<"$2" | cut -c1-600)"
  failed=1
}
# The last lines of a client's output, for a failure's reason.
tail_of() { grep -v '^$' "$1" | tail -n "${2:-3}" | cut -c1-300; }

# case_is NAME: true if this case was asked for (names on the command line choose among them).
wanted=("$@")
case_is() {
  local name
  ((${#wanted[@]} == 0)) && return 0
  for name in "${wanted[@]}"; do [[ $name == "$1" ]] && return 0; done
  return 1
}

# isolated COMMAND...: nothing of the caller's environment, settings or credentials reaches the client.
isolated() {
  (cd "$scratch/project" && env -i PATH="$bin:/usr/local/bin:/usr/bin:/bin" HOME="$scratch/home" TMPDIR="$scratch" LANG=C.UTF-8 \
    timeout --kill-after=5 "$patience" "$@" </dev/null)
}

# What a refusal says in a client's output.
shows_refusal() { grep -q 'Plimsoll refused' "$1" && grep -qE 'PLM-[0-9]{4}' "$1"; }

#!/usr/bin/env bash
# The MCP Inspector's command line against the tool door: streamable HTTP and the stdio wrapper.
set -euo pipefail
client=inspector
source "$(dirname "${BASH_SOURCE[0]}")/kit.sh"

read -r -a wrapper_args <<<"${PLIMSOLL_MCP_ARGS:-mcp desk}"
out=$scratch/out
pay=(--method tools/call --tool-name pay_invoice --tool-arg iban=DE02120300000000202051 --tool-arg amount=1840 --tool-arg reference=INV-77)
order=(--method tools/call --tool-name get_order --tool-arg order_id=A-1001)
remove=(--method tools/call --tool-name delete_customer --tool-arg customer_id=C-77)

launcher=$node_home/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js
inspect() { isolated env "${passed[@]}" "$bin/node" "$launcher" --cli "${target[@]}" "$@" >"$out" 2>"$out.err"; }

for door in http stdio; do
  passed=()
  if [[ $door == http ]]; then
    target=("$mcp_url" --transport http --header "Authorization: Bearer $key")
  else
    target=("${PLIMSOLL_BIN:-plimsoll}" "${wrapper_args[@]}")
    # The wrapper finds its gateway by these; the Inspector itself gets nothing else.
    while IFS='=' read -r -d '' name value; do [[ $name == PLIMSOLL_* ]] && passed+=("$name=$value"); done < <(env -0)
    for given in "${passed[@]}"; do target+=(-e "$given"); done
  fi

  if case_is "$door-list"; then
    if inspect --method tools/list && grep -q '"get_order"' "$out" && grep -q '"pay_invoice"' "$out"; then
      ok "$door-list"
    else
      fail "$door-list" "$(tail_of "$out") $(tail_of "$out.err")"
    fi
  fi
  if case_is "$door-allowed"; then
    if inspect "${order[@]}" && grep -q 'A-1001' "$out" && ! grep -q '"isError": true' "$out"; then
      ok "$door-allowed"
    else
      fail "$door-allowed" "$(tail_of "$out") $(tail_of "$out.err")"
    fi
  fi
  # The Inspector exits with 5 when a tool answers with an error; any other way of failing is not a refusal.
  if case_is "$door-refused"; then
    status=0
    inspect "${pay[@]}" || status=$?
    if [[ $status == 5 ]] && grep -q '"isError": true' "$out" && shows_refusal "$out"; then
      ok "$door-refused"
    else
      fail "$door-refused" "exit $status: $(tail_of "$out") $(tail_of "$out.err")"
    fi
  fi
  if case_is "$door-held"; then
    status=0
    inspect "${remove[@]}" || status=$?
    if [[ $status == 5 ]] && grep -qE 'PLM-[0-9]{4}' "$out" && grep -qiE 'ticket|approv' "$out"; then
      ok "$door-held"
    else
      fail "$door-held" "exit $status: $(tail_of "$out") $(tail_of "$out.err")"
    fi
  fi
done

if case_is http-bad-key; then
  target=("$mcp_url" --transport http --header "Authorization: Bearer plk_this_key_does_not_exist")
  passed=()
  if inspect --method tools/list; then
    fail http-bad-key "a key that does not exist was let in"
  elif grep -qiE '401|unauthorized|auth' "$out.err" "$out"; then
    ok http-bad-key
  else
    fail http-bad-key "$(tail_of "$out.err")"
  fi
fi

exit "$failed"

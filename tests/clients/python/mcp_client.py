"""The MCP Python SDK against the tool door: streamable HTTP in both eras of the protocol, and the stdio wrapper."""

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from kit import *


def http(mode, key=KEY, watch=None):
    async def client():
        headers = {"Authorization": f"Bearer {key}"}
        hooks = {"response": [watch] if watch else []}
        web = httpx2.AsyncClient(headers=headers, timeout=TIMEOUT, event_hooks=hooks)
        return Client(streamable_http_client(MCP_URL, http_client=web), mode=mode, read_timeout_seconds=TIMEOUT)

    return client


def stdio(mode):
    async def client():
        passed = {k: v for k, v in os.environ.items() if k.startswith("PLIMSOLL_") or k == "PATH"}
        server = StdioServerParameters(command=WRAPPER[0], args=WRAPPER[1:], env=passed)
        return Client(server, mode=mode, read_timeout_seconds=TIMEOUT)

    return client


def text(result):
    return "\n".join(block.text for block in result.content if block.type == "text")


# `legacy` is the era of sessions, `2026-07-28` the stateless one, `auto` what an unconfigured client does.
for door, connect in (("http", http), ("stdio", stdio)):
    for mode, version in (("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28"), ("auto", None)):

        @case(f"{door}-{mode}-list")
        async def _(open=connect(mode), version=version):
            async with await open() as client:
                if version:
                    same(client.protocol_version, version)
                tools = {tool.name: tool for tool in (await client.list_tools()).tools}
                for act in (ALLOWED, REFUSED, HELD):
                    assert act["tool"] in tools, f"{act['tool']} is not among {sorted(tools)}"
                assert ALLOWED["args"].keys() <= tools[ALLOWED["tool"]].input_schema["properties"].keys()

        @case(f"{door}-{mode}-allowed")
        async def _(open=connect(mode)):
            async with await open() as client:
                result = await client.call_tool(ALLOWED["tool"], ALLOWED["args"])
                assert not result.is_error, text(result)
                holds(text(result), ALLOWED["expect"])

        @case(f"{door}-{mode}-refused")
        async def _(open=connect(mode)):
            async with await open() as client:
                result = await client.call_tool(REFUSED["tool"], REFUSED["args"])
                assert result.is_error, f"not an error: {text(result)}"
                refusal(text(result))
                again = await client.call_tool(ALLOWED["tool"], ALLOWED["args"])
                assert not again.is_error, "the session does not go on after a refusal"

        @case(f"{door}-{mode}-held")
        async def _(open=connect(mode)):
            async with await open() as client:
                result = await client.call_tool(HELD["tool"], HELD["args"])
                assert result.is_error, f"not an error: {text(result)}"
                assert CODE.search(text(result)), f"no PLM- code in {text(result)!r}"
                assert re.search(HELD["expect"], text(result)), f"no ticket in {text(result)!r}"

        @case(f"{door}-{mode}-labels")
        async def _(open=connect(mode)):
            """The workflow says `ifc: write`: each result carries its label, whatever the server wrote."""
            async with await open() as client:
                for act, integrity in ((ALLOWED, "trusted"), (CARRIER, "untrusted"), (REFUSED, "untrusted")):
                    result = await client.call_tool(act["tool"], act["args"])
                    same((result.meta or {}).get("ifc"), {"integrity": integrity, "confidentiality": "public"})

        @case(f"{door}-{mode}-unknown-tool")
        async def _(open=connect(mode)):
            async with await open() as client:
                try:
                    result = await client.call_tool("no_such_tool", {})
                except MCPError:
                    return
                assert result.is_error, f"not an error: {text(result)}"


@case("http-bad-key")
async def _():
    """The SDK hides the status behind its own words, so the answers are watched below it."""
    for mode in ("legacy", "2026-07-28", "auto"):
        seen = []

        async def watch(response):
            seen.append(response.status_code)

        try:
            async with await http(mode, "plk_this_key_does_not_exist", watch)() as client:
                await client.list_tools()
        except Exception:
            assert seen and set(seen) == {401}, f"{mode}: {seen}"
        else:
            raise AssertionError(f"{mode}: a key that does not exist was let in")


main("mcp-py")

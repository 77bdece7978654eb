#!/usr/bin/env python3
"""An MCP server over stdio that lists the tools in a file and calls none: `plimsoll init` reads a suite from it.

    serve.py TOOLS.json
"""

import json
import sys
from pathlib import Path


def main():
    tools = json.loads(Path(sys.argv[1]).read_text())["tools"]
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer(message, tools)}), flush=True)


def answer(message, tools):
    method = message.get("method")
    if method == "initialize":
        version = message["params"]["protocolVersion"]
        server = {"name": "agentdojo", "version": "0.1.35"}
        return {"result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": server}}
    if method == "ping":
        return {"result": {}}
    if method == "tools/list":
        return {"result": {"tools": tools}}
    return {"error": {"code": -32601, "message": f"{method} is not served here"}}


if __name__ == "__main__":
    main()

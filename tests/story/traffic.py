#!/usr/bin/env python3
"""Customers of the support desk: each asks once, and its agent does what the model says until the model is done.

    traffic.py URL KEY COUNT NAME      COUNT conversations, called NAME-0, NAME-1, …

An agent as small as one can be: Chat Completions for the model, MCP for the tools, the standard library for both.
"""
import json, sys, urllib.error, urllib.request

ASKS = "Please go through the inbox."
TOOLS = ["list_mail", "read_mail", "get_order", "refund_order"]
TURNS_MAX = 6


class Agent:
    def __init__(self, url, key, session):
        self.url, self.session = url, session
        self.headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self.headers["accept"] = "application/json, text/event-stream"

    def post(self, path, body, headers=()):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {**self.headers, **dict(headers)})
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
            return (json.loads(text) if text else None), answer.headers

    def ask(self):
        """The conversation, to the model's last word."""
        messages = [{"role": "user", "content": ASKS}]
        tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in TOOLS]
        for _ in range(TURNS_MAX):
            asked = {"model": "support", "messages": messages, "tools": tools}
            answer, _ = self.post("/v1/chat/completions", asked, {"x-plimsoll-session": self.session})
            message = answer["choices"][0]["message"]
            messages.append(message)
            for call in message.get("tool_calls") or []:
                function = call["function"]
                result = self.call(function["name"], json.loads(function["arguments"] or "{}"))
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)})
            if not message.get("tool_calls"):
                return message["content"]
        raise SystemExit(f"{self.session}: the model never came to an end")

    def call(self, tool, arguments):
        version = "2025-06-18"
        hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "traffic", "version": "1"}}
        _, headers = self.post("/mcp/desk", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello})
        session = {"mcp-session-id": headers["mcp-session-id"], "mcp-protocol-version": version}
        self.post("/mcp/desk", {"jsonrpc": "2.0", "method": "notifications/initialized"}, session)
        asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        answer, _ = self.post("/mcp/desk", asked, session)
        return answer["result"]


def main():
    url, key, count, name = sys.argv[1:]
    for n in range(int(count)):
        try:
            Agent(url, key, f"{name}-{n}").ask()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{name}-{n}: {error.code} {error.read().decode(errors='replace')}")
    print(f"{count} customers were answered")


if __name__ == "__main__":
    main()

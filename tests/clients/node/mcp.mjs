// The MCP TypeScript SDK against the tool door: streamable HTTP and the stdio wrapper, in the era of sessions.

import * as kit from "./kit.mjs";
import { allowed, holds, held, refusal, refused, same, test } from "./kit.mjs";
import assert from "node:assert/strict";

const { Client } = await kit.load("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = await kit.load("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { StdioClientTransport } = await kit.load("@modelcontextprotocol/sdk/client/stdio.js");

const http = (key = kit.key) =>
  new StreamableHTTPClientTransport(new URL(kit.mcpUrl), {
    requestInit: { headers: { Authorization: `Bearer ${key}` } },
  });
const stdio = () => {
  const passed = Object.entries(process.env).filter(([name]) => name.startsWith("PLIMSOLL_") || name === "PATH");
  const [command, ...args] = kit.wrapper;
  return new StdioClientTransport({ command, args, env: Object.fromEntries(passed) });
};
const text = (result) => result.content.map((block) => block.text ?? "").join("\n");

async function within(transport, use) {
  const client = new Client({ name: "plimsoll-clients", version: "0.0.0" });
  await client.connect(transport);
  try {
    await use(client, (act) => client.callTool({ name: act.tool, arguments: act.args }));
  } finally {
    await client.close();
  }
}

for (const [door, open] of [["http", http], ["stdio", stdio]]) {
  test(`${door}-list`, () =>
    within(open(), async (client) => {
      const names = (await client.listTools()).tools.map((tool) => tool.name);
      for (const act of [allowed, refused, held]) assert.ok(names.includes(act.tool), `${act.tool} is not among ${names}`);
    }));
  test(`${door}-allowed`, () =>
    within(open(), async (_, call) => {
      const result = await call(allowed);
      assert.ok(!result.isError, text(result));
      holds(text(result), allowed.expect);
    }));
  test(`${door}-refused`, () =>
    within(open(), async (_, call) => {
      const result = await call(refused);
      same(result.isError, true);
      refusal(text(result));
      assert.ok(!(await call(allowed)).isError, "the session does not go on after a refusal");
    }));
  test(`${door}-held`, () =>
    within(open(), async (_, call) => {
      const result = await call(held);
      same(result.isError, true);
      assert.match(text(result), kit.code);
      assert.match(text(result), new RegExp(held.expect.replace("(?i)", ""), "i"));
    }));
}

test("http-session-end", () =>
  within(http(), async (client) => {
    await client.listTools();
    await client.transport.terminateSession();
  }));

test("http-bad-key", async () => {
  await assert.rejects(
    within(http(kit.badKey), (client) => client.listTools()),
    (error) => error.code === 401 || /401|unauthorized/i.test(`${error.name} ${error.message}`),
  );
});

await kit.main("mcp-node");

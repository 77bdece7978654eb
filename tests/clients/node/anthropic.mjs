// The Anthropic Node SDK on Messages, count_tokens and models.

import * as kit from "./kit.mjs";
import { Desk, allowed, allowedToo, carrier, coded, directive, holds, raises, refusal, refused, same, test } from "./kit.mjs";
import assert from "node:assert/strict";

const { default: Anthropic } = await kit.load("@anthropic-ai/sdk");
const options = { baseURL: kit.url, apiKey: kit.key, maxRetries: 0, timeout: kit.timeout };
const client = new Anthropic(options);
const stranger = new Anthropic({ ...options, apiKey: kit.badKey });
const model = kit.anthropicModel;
const tools = kit.tools.map((t) => ({ name: t.name, description: t.description, input_schema: t.schema }));
const user = (content) => ({ role: "user", content });
const words = (answer) => answer.content.map((block) => (block.type === "text" ? block.text : "")).join("");

const plain = (messages, model) => client.messages.create({ model, max_tokens: 500, messages, tools });

// Through the SDK's own accumulator; the raw blocks are watched on the way.
async function streamed(messages, model) {
  const stream = client.messages.stream({ model, max_tokens: 500, messages, tools });
  for await (const event of stream)
    assert.notEqual(event.content_block?.name, refused.tool, "a block of the refused call reached the client");
  return stream.finalMessage();
}

async function loop(ask, messages, desk, using = model) {
  for (let turn = 0; turn < 5; turn++) {
    const answer = await ask(messages, using);
    const calls = answer.content.filter((block) => block.type === "tool_use");
    same(answer.stop_reason, calls.length ? "tool_use" : "end_turn");
    messages.push({ role: "assistant", content: answer.content });
    if (!calls.length) return words(answer);
    const results = calls.map((c) => ({ type: "tool_result", tool_use_id: c.id, content: desk.run(c.name, c.input) }));
    messages.push(user(results));
  }
  assert.fail(`no end; ran ${desk.ran}`);
}

test("messages-plain", async () => {
  const answer = await client.messages.create({ model, max_tokens: 100, messages: [user("[[say Grüezi, 世界 🌍]]")] });
  holds(words(answer), "Grüezi, 世界 🌍");
  same(answer.stop_reason, "end_turn");
  assert.ok(answer.usage.output_tokens > 0);
});

test("messages-stream", async () => {
  const kinds = [];
  let text = "";
  const messages = [user("[[say one two three]]")];
  for await (const event of await client.messages.create({ model, max_tokens: 100, messages, stream: true })) {
    kinds.push(event.type);
    if (event.type === "content_block_delta") text += event.delta.text;
  }
  holds(text, "one two three");
  same([kinds.at(0), kinds.at(-1)], ["message_start", "message_stop"]);
});

for (const [mode, ask] of [["plain", plain], ["stream", streamed]]) {
  test(`tool-${mode}`, async () => {
    const desk = new Desk();
    await loop(ask, [user(directive(allowed))], desk);
    same(desk.ran, ["get_order"]);
  });
  test(`parallel-${mode}`, async () => {
    const desk = new Desk();
    await loop(ask, [user(`${directive(allowed)} ${directive(allowedToo)}`)], desk, kit.parallel);
    same(desk.ran, ["get_order", "get_order"]);
  });
  test(`refused-${mode}`, async () => {
    const desk = new Desk();
    const messages = [user(`Read my mail. ${directive(carrier)}`)];
    const said = await loop(ask, messages, desk);
    same(desk.ran, ["read_mail"]);
    refusal(said);
    messages.push(user(`Then look at my order. ${directive(allowed)}`));
    await loop(ask, messages, desk);
    same(desk.ran, ["read_mail", "get_order"]);
  });
  test(`mixed-${mode}`, async () => {
    const desk = new Desk(directive(allowedToo));
    const messages = [user(directive(carrier))];
    await loop(ask, messages, desk, kit.parallel);
    same(desk.ran, ["read_mail", "get_order"]);
    refusal(words(messages[3]));
  });
}

test("count-tokens", async () => {
  const count = await client.messages.countTokens({ model, messages: [user("How long is this?")], tools });
  assert.ok(count.input_tokens > 0);
});

test("models", async () => {
  const ids = [];
  for await (const m of client.models.list()) ids.push(m.id);
  assert.ok(ids.includes(model), `${model} is not among ${ids}`);
});

test("bad-key", async () => {
  const ask = { model, max_tokens: 10, messages: [user("hi")] };
  const error = await raises(Anthropic.AuthenticationError, () => stranger.messages.create(ask));
  same(error.error.error.type, "authentication_error");
  await raises(Anthropic.AuthenticationError, () => stranger.messages.create({ ...ask, stream: true }));
});

test("unknown-endpoint", async () => {
  const error = await raises(Anthropic.NotFoundError, () => client.messages.batches.list());
  same(error.error.error.type, "not_found_error");
});

test("hosted-tool", async () => {
  const hosted = [{ type: "web_search_20250305", name: "web_search" }];
  const ask = { model, max_tokens: 10, messages: [user("hi")], tools: hosted };
  coded(await raises(Anthropic.BadRequestError, () => client.messages.create(ask)));
  await raises(Anthropic.BadRequestError, () => client.messages.create({ ...ask, stream: true }));
});

await kit.main("anthropic-node");

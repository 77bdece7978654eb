// The OpenAI Node SDK on Chat Completions, Responses, embeddings, models, and the shapes of errors.

import * as kit from "./kit.mjs";
import { Desk, allowed, allowedToo, carrier, coded, directive, holds, raises, refusal, refused, same, test } from "./kit.mjs";
import assert from "node:assert/strict";

const { default: OpenAI } = await kit.load("openai");
const options = { baseURL: `${kit.url}/v1`, apiKey: kit.key, maxRetries: 0, timeout: kit.timeout };
const client = new OpenAI(options);
const stranger = new OpenAI({ ...options, apiKey: kit.badKey });

const chatTools = kit.tools.map((t) => ({
  type: "function",
  function: { name: t.name, description: t.description, parameters: t.schema },
}));
const responseTools = kit.tools.map((t) => ({
  type: "function",
  name: t.name,
  description: t.description,
  parameters: t.schema,
  strict: false,
}));

async function chatPlain(messages, model) {
  return (await client.chat.completions.create({ model, messages, tools: chatTools })).choices[0];
}

// Through the SDK's own accumulator; the raw deltas are watched on the way.
async function chatStreamed(messages, model) {
  const stream = client.chat.completions.stream({ model, messages, tools: chatTools });
  for await (const chunk of stream)
    for (const choice of chunk.choices)
      for (const call of choice.delta.tool_calls ?? [])
        assert.notEqual(call.function?.name, refused.tool, "a delta of the refused call reached the client");
  return (await stream.finalChatCompletion()).choices[0];
}

async function chatLoop(ask, messages, desk, model = kit.model) {
  for (let turn = 0; turn < 5; turn++) {
    const { message, finish_reason } = await ask(messages, model);
    const calls = message.tool_calls ?? [];
    same(finish_reason, calls.length ? "tool_calls" : "stop");
    messages.push({ role: "assistant", content: message.content, ...(calls.length && { tool_calls: calls }) });
    if (!calls.length) return message.content;
    for (const c of calls) {
      const content = desk.run(c.function.name, JSON.parse(c.function.arguments));
      messages.push({ role: "tool", tool_call_id: c.id, content });
    }
  }
  assert.fail(`no end; ran ${desk.ran}`);
}

const responsesPlain = (input, model) => client.responses.create({ model, input, tools: responseTools, store: false });

async function responsesStreamed(input, model) {
  const stream = client.responses.stream({ model, input, tools: responseTools, store: false });
  for await (const event of stream)
    assert.notEqual(event.item?.name, refused.tool, `${event.type} of the refused call reached the client`);
  return stream.finalResponse();
}

async function responsesLoop(ask, input, desk, model = kit.model) {
  for (let turn = 0; turn < 5; turn++) {
    const answer = await ask(input, model);
    same(answer.status, "completed");
    const calls = answer.output.filter((o) => o.type === "function_call");
    input.push(...answer.output.map(({ parsed_arguments, ...item }) => item));
    if (!calls.length) return answer.output_text;
    for (const c of calls) {
      const output = desk.run(c.name, JSON.parse(c.arguments));
      input.push({ type: "function_call_output", call_id: c.call_id, output });
    }
  }
  assert.fail(`no end; ran ${desk.ran}`);
}

const user = (content) => ({ role: "user", content });

test("chat-plain", async () => {
  const answer = await client.chat.completions.create({ model: kit.model, messages: [user("[[say Grüezi, 世界 🌍]]")] });
  holds(answer.choices[0].message.content, "Grüezi, 世界 🌍");
  same(answer.choices[0].finish_reason, "stop");
  assert.ok(answer.usage.total_tokens > 0);
});

test("chat-stream-usage", async () => {
  const stream = await client.chat.completions.create({
    model: kit.model,
    messages: [user("[[say one two three Grüezi]]")],
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let last;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    last = chunk;
  }
  holds(text, "one two three Grüezi");
  assert.ok(last.usage?.total_tokens > 0, "the last chunk has no usage");
});

test("responses-plain", async () => {
  const answer = await client.responses.create({ model: kit.model, input: "[[say Grüezi, 世界 🌍]]" });
  holds(answer.output_text, "Grüezi, 世界 🌍");
  assert.ok(answer.usage.total_tokens > 0);
});

test("responses-stream", async () => {
  let text = "";
  let last;
  for await (last of await client.responses.create({ model: kit.model, input: "[[say one two three]]", stream: true }))
    if (last.type === "response.output_text.delta") text += last.delta;
  holds(text, "one two three");
  same(last.type, "response.completed");
});

const ways = [
  ["chat", "plain", chatLoop, chatPlain, (items) => items[3].content],
  ["chat", "stream", chatLoop, chatStreamed, (items) => items[3].content],
  ["responses", "plain", responsesLoop, responsesPlain, (items) => items[3].content[0].text],
  ["responses", "stream", responsesLoop, responsesStreamed, (items) => items[3].content[0].text],
];
for (const [wire, mode, loop, ask, mixed] of ways) {
  test(`${wire}-tool-${mode}`, async () => {
    const desk = new Desk();
    await loop(ask, [user(directive(allowed))], desk);
    same(desk.ran, ["get_order"]);
  });
  test(`${wire}-parallel-${mode}`, async () => {
    const desk = new Desk();
    await loop(ask, [user(`${directive(allowed)} ${directive(allowedToo)}`)], desk, kit.parallel);
    same(desk.ran, ["get_order", "get_order"]);
  });
  test(`${wire}-refused-${mode}`, async () => {
    const desk = new Desk();
    const items = [user(`Read my mail. ${directive(carrier)}`)];
    const said = await loop(ask, items, desk);
    same(desk.ran, ["read_mail"]);
    refusal(said);
    items.push(user(`Then look at my order. ${directive(allowed)}`));
    await loop(ask, items, desk);
    same(desk.ran, ["read_mail", "get_order"]);
  });
  test(`${wire}-mixed-${mode}`, async () => {
    const desk = new Desk(directive(allowedToo));
    const items = [user(directive(carrier))];
    await loop(ask, items, desk, kit.parallel);
    same(desk.ran, ["read_mail", "get_order"]);
    refusal(mixed(items));
  });
}

test("embeddings", async () => {
  const answer = await client.embeddings.create({ model: kit.embeddingModel, input: ["one", "two"] });
  same(answer.data.length, 2);
  assert.equal(typeof answer.data[0].embedding[0], "number");
});

test("models", async () => {
  const ids = [];
  for await (const m of client.models.list()) ids.push(m.id);
  assert.ok(ids.includes(kit.model), `${kit.model} is not among ${ids}`);
});

test("bad-key", async () => {
  const messages = [user("hi")];
  const error = await raises(OpenAI.AuthenticationError, () => stranger.chat.completions.create({ model: kit.model, messages }));
  assert.ok(error.error?.message, "no OpenAI error object");
  await raises(OpenAI.AuthenticationError, () =>
    stranger.chat.completions.create({ model: kit.model, messages, stream: true }),
  );
  await raises(OpenAI.AuthenticationError, () => stranger.responses.create({ model: kit.model, input: "hi" }));
});

test("unknown-endpoint", async () => {
  const error = await raises(OpenAI.NotFoundError, () => client.fineTuning.jobs.list());
  assert.ok(error.error?.message, "no OpenAI error object");
});

test("hosted-tool", async () => {
  const tools = [{ type: "web_search" }];
  coded(await raises(OpenAI.BadRequestError, () => client.responses.create({ model: kit.model, input: "hi", tools })));
});

test("duplicate-keys", async () => {
  const answer = await fetch(`${kit.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${kit.key}`, "content-type": "application/json" },
    body: `{"model":"other","model":${JSON.stringify(kit.model)},"messages":[{"role":"user","content":"hi"}]}`,
  });
  same(answer.status, 400);
  assert.ok((await answer.json()).error.message);
});

await kit.main("openai-node");

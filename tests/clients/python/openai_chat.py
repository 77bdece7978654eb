"""The OpenAI Python SDK on Chat Completions, embeddings, models, and the shapes of errors."""

import json
import urllib.error
import urllib.request

import openai

from kit import *

client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=TIMEOUT)
FUNCTIONS = [
    {"type": "function", "function": {"name": t["name"], "description": t["description"], "parameters": t["schema"]}}
    for t in TOOLS
]


def plain(messages, model=MODEL):
    answer = client.chat.completions.create(model=model, messages=messages, tools=FUNCTIONS)
    choice = answer.choices[0]
    return choice.message.content or "", choice.message.tool_calls or [], choice.finish_reason


def streamed(messages, model=MODEL):
    """Through the SDK's own accumulator, which insists on well-ordered chunks; raw deltas are watched on the way."""
    with client.chat.completions.stream(model=model, messages=messages, tools=FUNCTIONS) as stream:
        for event in stream:
            if event.type == "chunk":
                for choice in event.chunk.choices:
                    for call in choice.delta.tool_calls or []:
                        name = call.function.name if call.function else None
                        assert name != REFUSED["tool"], f"a delta of {name} reached the client"
        choice = stream.get_final_completion().choices[0]
    return choice.message.content or "", choice.message.tool_calls or [], choice.finish_reason


def loop(ask, messages, desk, model=MODEL, turns=5):
    """What every agent does: call the model, run what it asks, until it asks for nothing."""
    for _ in range(turns):
        text, calls, finish = ask(messages, model)
        same(finish, "tool_calls" if calls else "stop")
        turn = {"role": "assistant", "content": text}
        if calls:
            turn["tool_calls"] = [
                {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
                for c in calls
            ]
        messages.append(turn)
        if not calls:
            return text
        for c in calls:
            result = desk.run(c.function.name, json.loads(c.function.arguments))
            messages.append({"role": "tool", "tool_call_id": c.id, "content": result})
    raise AssertionError(f"no end after {turns} turns; ran {desk.ran}")


@case("chat-plain")
def _():
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "[[say Grüezi, 世界 🌍]]"}])
    holds(answer.choices[0].message.content, "Grüezi, 世界 🌍")
    same(answer.choices[0].finish_reason, "stop")
    assert answer.usage.total_tokens > 0


@case("chat-stream-usage")
def _():
    chunks = list(
        client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "[[say one two three Grüezi]]"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    holds("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), "one two three Grüezi")
    assert chunks[-1].usage and chunks[-1].usage.total_tokens > 0, "the last chunk has no usage"


for mode, ask in (("plain", plain), ("stream", streamed)):

    @case(f"chat-tool-{mode}")
    def _(ask=ask):
        desk, messages = Desk(), [{"role": "user", "content": directive(ALLOWED)}]
        loop(ask, messages, desk)
        same(desk.ran, ["get_order"])
        same(json.loads(messages[1]["tool_calls"][0]["function"]["arguments"]), ALLOWED["args"])

    @case(f"chat-parallel-{mode}")
    def _(ask=ask):
        desk, messages = Desk(), [{"role": "user", "content": f"{directive(ALLOWED)} {directive(ALLOWED_TOO)}"}]
        loop(ask, messages, desk, PARALLEL)
        same(desk.ran, ["get_order", "get_order"])
        same(len(messages[1]["tool_calls"]), 2)
        same(len({c["id"] for c in messages[1]["tool_calls"]}), 2)

    @case(f"chat-refused-{mode}")
    def _(ask=ask):
        desk, messages = Desk(), [{"role": "user", "content": f"Read my mail. {directive(CARRIER)}"}]
        said = loop(ask, messages, desk)
        same(desk.ran, ["read_mail"])
        refusal(said)
        messages.append({"role": "user", "content": f"Then look at my order. {directive(ALLOWED)}"})
        loop(ask, messages, desk)
        same(desk.ran, ["read_mail", "get_order"])

    @case(f"chat-mixed-{mode}")
    def _(ask=ask):
        """One answer with a call that is refused and one that is not: each is judged by itself."""
        desk, messages = Desk(mail=directive(ALLOWED_TOO)), [{"role": "user", "content": directive(CARRIER)}]
        loop(ask, messages, desk, PARALLEL)
        same(desk.ran, ["read_mail", "get_order"])
        refusal(messages[3]["content"])


@case("embeddings")
def _():
    answer = client.embeddings.create(model=EMBEDDING_MODEL, input=["one", "two"])
    same(len(answer.data), 2)
    assert len(answer.data[0].embedding) > 0 and isinstance(answer.data[0].embedding[0], float)


@case("models")
def _():
    assert MODEL in [m.id for m in client.models.list()]


@case("bad-key")
def _():
    other = client.with_options(api_key="plk_this_key_does_not_exist")
    ask = lambda **more: other.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}], **more)
    error = raises(openai.AuthenticationError, ask)
    assert error.body and error.body["message"], f"no OpenAI error object: {error.body!r}"
    raises(openai.AuthenticationError, lambda: ask(stream=True))


@case("unknown-endpoint")
def _():
    error = raises(openai.NotFoundError, lambda: client.fine_tuning.jobs.list())
    assert error.body and error.body["message"], f"no OpenAI error object: {error.body!r}"


def raw(body):
    """Bytes as they are, since no SDK would send these."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{URL}/v1/chat/completions", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@case("duplicate-keys")
def _():
    model = json.dumps(MODEL).encode()
    good = b'{"model":' + model + b',"messages":[{"role":"user","content":"hi"}]}'
    same(raw(good)[0], 200)
    for body in (
        b'{"model":"other","model":' + model + b',"messages":[{"role":"user","content":"hi"}]}',
        b'{"model":' + model + b',"messages":[{"role":"user","content":"hi","content":"[[say no]]"}]}',
    ):
        status, answer = raw(body)
        same(status, 400)
        assert json.loads(answer)["error"]["message"], answer


@case("truncated-json")
def _():
    status, answer = raw(b'{"model":"gullible","messages":[{"role":"us')
    same(status, 400)
    assert json.loads(answer)["error"]["message"], answer


main("openai-chat-py")

"""The Anthropic Python SDK on Messages, count_tokens and models."""

import anthropic

from kit import *

client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0, timeout=TIMEOUT)
CUSTOM = [{"name": t["name"], "description": t["description"], "input_schema": t["schema"]} for t in TOOLS]


def plain(messages, model=ANTHROPIC_MODEL):
    return client.messages.create(model=model, max_tokens=500, messages=messages, tools=CUSTOM)


def streamed(messages, model=ANTHROPIC_MODEL):
    """Through the SDK's own accumulator; no block on the way may name the refused call."""
    with client.messages.stream(model=model, max_tokens=500, messages=messages, tools=CUSTOM) as stream:
        for event in stream:
            if event.type == "content_block_start":
                name = getattr(event.content_block, "name", None)
                assert name != REFUSED["tool"], f"a block of {name} reached the client"
        return stream.get_final_message()


def words(answer):
    return "".join(block.text for block in answer.content if block.type == "text")


def loop(ask, messages, desk, model=ANTHROPIC_MODEL, turns=5):
    for _ in range(turns):
        answer = ask(messages, model)
        calls = [block for block in answer.content if block.type == "tool_use"]
        same(answer.stop_reason, "tool_use" if calls else "end_turn")
        messages.append({"role": "assistant", "content": [b.model_dump(include=FIELDS[b.type]) for b in answer.content]})
        if not calls:
            return words(answer)
        results = [{"type": "tool_result", "tool_use_id": c.id, "content": desk.run(c.name, c.input)} for c in calls]
        messages.append({"role": "user", "content": results})
    raise AssertionError(f"no end after {turns} turns; ran {desk.ran}")


FIELDS = {"text": {"type", "text"}, "tool_use": {"type", "id", "name", "input"}}


@case("messages-plain")
def _():
    messages = [{"role": "user", "content": "[[say Grüezi, 世界 🌍]]"}]
    answer = client.messages.create(model=ANTHROPIC_MODEL, max_tokens=100, messages=messages)
    holds(words(answer), "Grüezi, 世界 🌍")
    same(answer.stop_reason, "end_turn")
    assert answer.usage.output_tokens > 0


@case("messages-stream")
def _():
    messages = [{"role": "user", "content": "[[say one two three]]"}]
    kinds, text = [], ""
    for event in client.messages.create(model=ANTHROPIC_MODEL, max_tokens=100, messages=messages, stream=True):
        kinds.append(event.type)
        if event.type == "content_block_delta":
            text += event.delta.text
    holds(text, "one two three")
    same((kinds[0], kinds[-1]), ("message_start", "message_stop"))


for mode, ask in (("plain", plain), ("stream", streamed)):

    @case(f"tool-{mode}")
    def _(ask=ask):
        desk, messages = Desk(), [{"role": "user", "content": directive(ALLOWED)}]
        loop(ask, messages, desk)
        same(desk.ran, ["get_order"])
        call = next(block for block in messages[1]["content"] if block["type"] == "tool_use")
        same(call["input"], ALLOWED["args"])

    @case(f"parallel-{mode}")
    def _(ask=ask):
        desk, messages = Desk(), [{"role": "user", "content": f"{directive(ALLOWED)} {directive(ALLOWED_TOO)}"}]
        loop(ask, messages, desk, PARALLEL)
        same(desk.ran, ["get_order", "get_order"])

    @case(f"refused-{mode}")
    def _(ask=ask):
        desk, messages = Desk(), [{"role": "user", "content": f"Read my mail. {directive(CARRIER)}"}]
        said = loop(ask, messages, desk)
        same(desk.ran, ["read_mail"])
        refusal(said)
        messages.append({"role": "user", "content": f"Then look at my order. {directive(ALLOWED)}"})
        loop(ask, messages, desk)
        same(desk.ran, ["read_mail", "get_order"])

    @case(f"mixed-{mode}")
    def _(ask=ask):
        """One answer with a call that is refused and one that is not: each is judged by itself."""
        desk, messages = Desk(mail=directive(ALLOWED_TOO)), [{"role": "user", "content": directive(CARRIER)}]
        loop(ask, messages, desk, PARALLEL)
        same(desk.ran, ["read_mail", "get_order"])
        refusal(messages[3]["content"][0].get("text", ""))


@case("count-tokens")
def _():
    messages = [{"role": "user", "content": "How long is this?"}]
    assert client.messages.count_tokens(model=ANTHROPIC_MODEL, messages=messages, tools=CUSTOM).input_tokens > 0


@case("models")
def _():
    assert ANTHROPIC_MODEL in [m.id for m in client.models.list()]


@case("bad-key")
def _():
    other = client.with_options(api_key="plk_this_key_does_not_exist")
    ask = lambda **more: other.messages.create(
        model=ANTHROPIC_MODEL, max_tokens=10, messages=[{"role": "user", "content": "hi"}], **more
    )
    error = raises(anthropic.AuthenticationError, ask)
    same(error.body["type"], "error")
    same(error.body["error"]["type"], "authentication_error")
    raises(anthropic.AuthenticationError, lambda: ask(stream=True))


@case("unknown-endpoint")
def _():
    error = raises(anthropic.NotFoundError, lambda: client.messages.batches.list())
    same(error.body["error"]["type"], "not_found_error")


@case("hosted-tool")
def _():
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    messages = [{"role": "user", "content": "hi"}]
    ask = lambda **more: client.messages.create(
        model=ANTHROPIC_MODEL, max_tokens=10, messages=messages, tools=tools, **more
    )
    error = raises(anthropic.BadRequestError, ask)
    coded(error)
    same(error.body["error"]["type"], "invalid_request_error")
    raises(anthropic.BadRequestError, lambda: ask(stream=True))


main("anthropic-py")

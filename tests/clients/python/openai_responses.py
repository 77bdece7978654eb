"""The OpenAI Python SDK on Responses."""

import json

import openai

from kit import *

client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=TIMEOUT)
FUNCTIONS = [
    {"type": "function", "name": t["name"], "description": t["description"], "parameters": t["schema"], "strict": False}
    for t in TOOLS
]


def plain(items, model=MODEL):
    return client.responses.create(model=model, input=items, tools=FUNCTIONS, store=False)


def streamed(items, model=MODEL):
    """Through the SDK's own accumulator; no event on the way may name the refused call."""
    with client.responses.stream(model=model, input=items, tools=FUNCTIONS, store=False) as stream:
        for event in stream:
            if event.type in ("response.output_item.added", "response.output_item.done"):
                name = getattr(event.item, "name", None)
                assert name != REFUSED["tool"], f"{event.type} of {name} reached the client"
        return stream.get_final_response()


def loop(ask, items, desk, model=MODEL, turns=5):
    for _ in range(turns):
        answer = ask(items, model)
        same(answer.status, "completed")
        calls = [o for o in answer.output if o.type == "function_call"]
        items += [o.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for o in answer.output]
        if not calls:
            return answer.output_text
        for c in calls:
            result = desk.run(c.name, json.loads(c.arguments))
            items.append({"type": "function_call_output", "call_id": c.call_id, "output": result})
    raise AssertionError(f"no end after {turns} turns; ran {desk.ran}")


@case("responses-plain")
def _():
    answer = client.responses.create(model=MODEL, input="[[say Grüezi, 世界 🌍]]")
    holds(answer.output_text, "Grüezi, 世界 🌍")
    assert answer.usage.total_tokens > 0


@case("responses-stream")
def _():
    text, last = "", None
    for last in client.responses.create(model=MODEL, input="[[say one two three]]", stream=True):
        if last.type == "response.output_text.delta":
            text += last.delta
    holds(text, "one two three")
    same(last.type, "response.completed")
    same(last.response.output_text, text)


for mode, ask in (("plain", plain), ("stream", streamed)):

    @case(f"responses-tool-{mode}")
    def _(ask=ask):
        desk, items = Desk(), [{"role": "user", "content": directive(ALLOWED)}]
        loop(ask, items, desk)
        same(desk.ran, ["get_order"])

    @case(f"responses-parallel-{mode}")
    def _(ask=ask):
        desk, items = Desk(), [{"role": "user", "content": f"{directive(ALLOWED)} {directive(ALLOWED_TOO)}"}]
        loop(ask, items, desk, PARALLEL)
        same(desk.ran, ["get_order", "get_order"])

    @case(f"responses-refused-{mode}")
    def _(ask=ask):
        desk, items = Desk(), [{"role": "user", "content": f"Read my mail. {directive(CARRIER)}"}]
        said = loop(ask, items, desk)
        same(desk.ran, ["read_mail"])
        refusal(said)
        items.append({"role": "user", "content": f"Then look at my order. {directive(ALLOWED)}"})
        loop(ask, items, desk)
        same(desk.ran, ["read_mail", "get_order"])

    @case(f"responses-mixed-{mode}")
    def _(ask=ask):
        """One answer with a call that is refused and one that is not: each is judged by itself."""
        desk, items = Desk(mail=directive(ALLOWED_TOO)), [{"role": "user", "content": directive(CARRIER)}]
        loop(ask, items, desk, PARALLEL)
        same(desk.ran, ["read_mail", "get_order"])
        refusal(items[3]["content"][0]["text"])


@case("hosted-tool")
def _():
    for tool in (
        {"type": "web_search"},
        {"type": "mcp", "server_label": "x", "server_url": "https://mcp.example.test/mcp", "require_approval": "never"},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ):
        coded(raises(openai.BadRequestError, lambda: client.responses.create(model=MODEL, input="hi", tools=[tool])))


@case("previous-response")
def _():
    """State at the provider is refused with a code, or kept by the gateway: never a transcript nobody saw."""
    try:
        client.responses.create(model=MODEL, input="go on", previous_response_id="resp_nobody_made_this")
    except openai.BadRequestError as error:
        coded(error)
    except openai.NotFoundError as error:
        coded(error)
    else:
        raise AssertionError("a response id that nobody made was accepted")


@case("bad-key")
def _():
    other = client.with_options(api_key="plk_this_key_does_not_exist")
    raises(openai.AuthenticationError, lambda: other.responses.create(model=MODEL, input="hi"))
    raises(openai.AuthenticationError, lambda: other.responses.create(model=MODEL, input="hi", stream=True))


main("openai-responses-py")

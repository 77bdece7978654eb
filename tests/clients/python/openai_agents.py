"""The OpenAI Agents SDK on Chat Completions and Responses, with local functions and with tools from the tool door."""

from contextlib import asynccontextmanager

from agents import (
    Agent,
    FunctionTool,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    RunConfig,
    SQLiteSession,
    set_tracing_disabled,
)
from agents.mcp import MCPServerStreamableHttp
from openai import AsyncOpenAI

from kit import *

set_tracing_disabled(True)
QUIET = RunConfig(tracing_disabled=True)


@asynccontextmanager
async def model(wire):
    async with AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=TIMEOUT) as client:
        yield {"chat": OpenAIChatCompletionsModel, "responses": OpenAIResponsesModel}[wire](MODEL, client)


def functions(desk):
    def function(tool):
        async def run(_context, arguments):
            return desk.run(tool["name"], json.loads(arguments))

        return FunctionTool(tool["name"], tool["description"], tool["schema"], run, strict_json_schema=False)

    return [function(tool) for tool in TOOLS]


async def plain(agent, words, session=None):
    return (await Runner.run(agent, words, session=session, run_config=QUIET, max_turns=6)).final_output


async def streamed(agent, words, session=None):
    run = Runner.run_streamed(agent, words, session=session, run_config=QUIET, max_turns=6)
    async for _ in run.stream_events():
        pass
    return run.final_output


for wire in ("chat", "responses"):
    for mode, ask in (("plain", plain), ("stream", streamed)):

        @case(f"{wire}-tool-{mode}")
        async def _(wire=wire, ask=ask):
            desk = Desk()
            async with model(wire) as brain:
                await ask(Agent("desk", tools=functions(desk), model=brain), directive(ALLOWED))
            same(desk.ran, ["get_order"])

        @case(f"{wire}-refused-{mode}")
        async def _(wire=wire, ask=ask):
            desk, session = Desk(), SQLiteSession("conversation")
            async with model(wire) as brain:
                agent = Agent("desk", tools=functions(desk), model=brain)
                said = await ask(agent, f"Read my mail. {directive(CARRIER)}", session)
                same(desk.ran, ["read_mail"])
                refusal(said)
                await ask(agent, f"Then look at my order. {directive(ALLOWED)}", session)
                same(desk.ran, ["read_mail", "get_order"])

    @case(f"{wire}-both-doors")
    async def _(wire=wire):
        """The model's answer passes the LLM door, the call it made passes the tool door, the result comes back to the model."""
        params = {"url": MCP_URL, "headers": MCP_HEADERS}
        async with model(wire) as brain, MCPServerStreamableHttp(params, name="desk") as server:
            agent = Agent("desk", mcp_servers=[server], model=brain)
            run = await Runner.run(agent, directive(ALLOWED), run_config=QUIET, max_turns=6)
        outputs = [item.output for item in run.new_items if item.type == "tool_call_output_item"]
        same(len(outputs), 1)
        holds(json.dumps(outputs[0]), ALLOWED["expect"])


main("openai-agents")

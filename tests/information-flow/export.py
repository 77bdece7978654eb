#!/usr/bin/env python3
"""Writes AgentDojo's suites as trace files: OUT/<suite>/{tools.json,benign.jsonl,attack.jsonl}.

The model is assumed to obey: in an attack episode it makes the user's calls up to and including the first result that
shows the planted text, then the attack's calls, then the rest of the user's. Every call is executed in the suite's own
world and every result is the one its tools returned, as JSON, which is what an MCP server sends as structured content;
`--results text` writes AgentDojo's own rendering (YAML, or Python's `str`) instead.
"""

import argparse
import json
import sys
from multiprocessing import Pool
from pathlib import Path

import suites

# The wording of AgentDojo's "important instructions", without a model's name.
MODEL, USER = "the AI language model", "Emma Johnson"
CANARY = "<CANARY---{}--->"


def main():
    suites.repeatable()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--results", choices=("json", "text"), default="json")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    with Pool(given.jobs) as pool:
        for name, suite in suites.suites().items():
            folder = given.out / name
            folder.mkdir(parents=True, exist_ok=True)
            write(folder / "tools.json", [json.dumps({"tools": tools(suite)}, indent=1)])
            jobs = [(name, task, given.results) for task in suite.user_tasks]
            benign = pool.map(benign_episode, jobs, chunksize=1)
            attacks = [episode for found in pool.map(attack_episodes, jobs, chunksize=1) for episode in found]
            write(folder / "benign.jsonl", map(json.dumps, benign))
            write(folder / "attack.jsonl", map(json.dumps, attacks))
            print(f"export: {name}: {len(suite.tools)} tools, {len(benign)} benign, {len(attacks)} attacks", file=sys.stderr)


def write(path, lines):
    path.write_text("".join(line + "\n" for line in lines))


def tools(suite):
    """The suite's tools as an MCP server lists them."""
    return [tool_of(function) for function in suite.tools]


def tool_of(function):
    schema = function.parameters.model_json_schema()
    schema.pop("title", None)
    for about in schema.get("properties", {}).values():
        about.pop("title", None)
    schema.setdefault("properties", {})
    return {"name": function.name, "description": function.description.strip(), "inputSchema": schema}


def benign_episode(job):
    name, task_id, results = job
    suite = suites.suites()[name]
    task = suite.user_tasks[task_id]
    env = suites.environment(suite, task, {})
    run = Run(suite, env.model_copy(deep=True), results)
    for call in suites.user_calls(suite, task, env):
        run.do(call)
    return episode(name, task_id, "benign", task, run.steps, [])


def attack_episodes(job):
    name, task_id, results = job
    suite = suites.suites()[name]
    task = suite.user_tasks[task_id]
    vectors = seen_vectors(suite, task)
    episodes = []
    for injection in suite.injection_tasks.values():
        if (name, injection.ID) not in suites.TEXT_ONLY:
            episodes.append(attack_episode(suite, task, injection, vectors, results))
    return episodes


def attack_episode(suite, task, injection, vectors, results):
    env = suites.environment(suite, task, planted(injection, vectors))
    run = Run(suite, env.model_copy(deep=True), results)
    attack = []
    for call in suites.user_calls(suite, task, env):
        shown = run.do(call)
        if not attack and shows(shown, injection):
            for bad in suites.attack_calls(suite, injection, env, run.env):
                run.do(bad)
                attack.append(run.last)
    if not attack:
        raise RuntimeError(f"{suite.name} {task.ID} never shows the text of {injection.ID}")
    return episode(suite.name, f"{task.ID}.{injection.ID}", "attack", task, run.steps, attack)


def planted(injection, vectors):
    from agentdojo.attacks.important_instructions_attacks import ImportantInstructionsAttack as attack

    text = attack._JB_STRING.format(goal=injection.GOAL, user=USER, model=MODEL)
    return dict.fromkeys(vectors, text)


def seen_vectors(suite, task):
    """The places for planted text that this task's calls show to the model."""
    marks = {vector: CANARY.format(vector) for vector in suite.get_injection_vector_defaults()}
    env = suites.environment(suite, task, marks)
    run = Run(suite, env.model_copy(deep=True), "json")
    shown = "".join(json.dumps(run.do(call)) for call in suites.user_calls(suite, task, env))
    return [vector for vector, mark in marks.items() if mark in shown]


def shows(result, injection):
    # The text went through a YAML file and may have been folded there: compare letters.
    return squeeze(injection.GOAL) in squeeze(flat(result))


def squeeze(text):
    return "".join(text.split())


def flat(value):
    if isinstance(value, dict):
        return " ".join(f"{key} {flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " ".join(map(flat, value))
    return str(value)


def episode(suite, name, kind, task, steps, attack):
    head = [{"system": suites.system_message()}, {"user": task.PROMPT}]
    return {
        "id": f"{suite}.{name}",
        "suite": suite,
        "kind": kind,
        "principal": "emma.johnson@bluesparrowtech.com",
        "steps": head + steps,
        "attack_calls": attack,
    }


class Run:
    """Executes calls in a world and keeps them as steps of a trace."""

    def __init__(self, suite, env, results):
        from agentdojo.functions_runtime import FunctionsRuntime

        self.server = suite.name
        self.runtime = FunctionsRuntime(suite.tools)
        self.env = env
        self.results = results
        self.steps = []
        self.last = None

    def do(self, call):
        """Executes one call, and returns its result as a structured value, however the trace writes it."""
        self.last = f"c{sum('call' in step for step in self.steps) + 1}"
        value, error = self.runtime.run_function(self.env, call.function, call.args)
        value = {"error": error} if error else value
        tool = f"{self.server}.{call.function}"
        self.steps.append({"call": {"tool": tool, "args": dict(call.args)}, "id": self.last, "judge": True})
        self.steps.append({"result": rendered(value, self.results), "id": self.last})
        return structured(value)


def rendered(value, results):
    if results == "text":
        from agentdojo.agent_pipeline.tool_execution import tool_result_to_str

        return tool_result_to_str(value)
    return structured(value)


def structured(value):
    if isinstance(value, list):
        return [structured(item) for item in value]
    if isinstance(value, dict):
        return {str(key): structured(item) for key, item in value.items()}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return value


if __name__ == "__main__":
    main()

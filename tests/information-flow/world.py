"""Asks AgentDojo's own `security()` whether an attack came through, given which of its calls were let through."""

import contextlib
import io
import json
from functools import cache

import export
import suites


@cache
def _vectors(name, task_id):
    suite = suites.suites()[name]
    return tuple(export.seen_vectors(suite, suite.user_tasks[task_id]))


def succeeded(episode, passed, users=True):
    """True if `security()` finds the attack's goal reached when of its calls only those in `passed` ran.

    `users` says whether the user's own calls ran as well. They are run unjudged: what a person approves must not
    help an attack either."""
    from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime

    name, task_id, injection_id = episode["id"].split(".")
    suite = suites.suites()[name]
    task, injection = suite.user_tasks[task_id], suite.injection_tasks[injection_id]
    before = suites.environment(suite, task, export.planted(injection, _vectors(name, task_id)))
    after = before.model_copy(deep=True)
    runtime = FunctionsRuntime(suite.tools)
    calls = []
    attack = set(episode["attack_calls"])
    for step in episode["steps"]:
        if "call" not in step:
            continue
        if step["id"] in passed if step["id"] in attack else users:
            call = FunctionCall(function=step["call"]["tool"].split(".", 1)[1], args=step["call"]["args"])
            runtime.run_function(after, call.function, call.args)
            calls.append(call)
    with contextlib.redirect_stdout(io.StringIO()):  # some tasks print what they miss
        return suite._check_task_result(injection, [], before, after, calls)


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]

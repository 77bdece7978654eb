"""AgentDojo's four suites as they are measured here: loaded once, made repeatable, and repaired where they ship broken.

What is repaired, and why, is the list `REPAIRS` and the functions below it. Nothing else about a task is changed.
"""

import datetime
import importlib
import os
import sys
from functools import cache

import yaml

VERSION = "v1.2.2"
NAMES = ("workspace", "banking", "travel", "slack")
# Its only effect is a sentence in the final answer ("say that the hotel is gorgeous"): no gate on acts can see it.
TEXT_ONLY = {("travel", "injection_task_6")}
NOW = datetime.datetime(2024, 5, 15, 12, 0, 0)
REPAIRS = [
    "workspace injection tasks 6 to 13 ship an empty ground truth: the calls are written out in `repairs.py` and pass `security()`",
    "slack user tasks 18 and 19 never read the to-do page they obey: a `get_webpage` is put before their calls",
    "banking user task 9 changes standing order 7 without having seen it: a `get_scheduled_transactions` is put before the change",
    "travel user task 4 writes 2023 where its prompt says 2024: the year is set right (`utility()` looks at day and month only)",
    "travel injection task 6 only asks for a sentence in the answer: left out, so 949 pairs become 929",
    "new e-mails and files carry the wall clock, participants the order of a hash: both are fixed, so that the export repeats byte for byte",
]


def repeatable():
    """Starts this process again with fixed string hashes: the calendar keeps participants in a set."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.argv])


class _Clock:
    """Stands in for the module `datetime` where AgentDojo asks for the time."""

    class datetime(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return NOW

    def __getattr__(self, name):
        return getattr(datetime, name)


def _stop_clocks():
    for tool in ("email_client", "cloud_drive_client", "types"):
        module = importlib.import_module(f"agentdojo.default_suites.v1.tools.{tool}")
        if tool == "types":
            _stop_default_clock(module.Email)
        else:
            module.datetime = _Clock()


def _stop_default_clock(model):
    model.model_fields["timestamp"].default_factory = lambda: NOW
    model.model_rebuild(force=True)


@cache
def suites():
    """All four suites by name."""
    yaml.safe_load = lambda text: yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    from agentdojo.task_suite.load_suites import get_suites

    _stop_clocks()
    loaded = get_suites(VERSION)
    return {name: loaded[name] for name in NAMES}


def system_message():
    """The message AgentDojo's own pipeline starts with."""
    from agentdojo.agent_pipeline.agent_pipeline import load_system_message

    return load_system_message(None).strip()


def environment(suite, user_task, injections):
    """The world as it is before the user's task begins."""
    return user_task.init_environment(suite.load_and_inject_default_environment(injections))


def user_calls(suite, user_task, env):
    """The ground truth of a user's task in this world, repaired."""
    import repairs

    calls = list(user_task.ground_truth(env))
    repair = repairs.USER.get((suite.name, user_task.ID))
    return repair(calls) if repair else calls


def attack_calls(suite, injection_task, before, now):
    """What an attack's text makes an obedient model call, from the world as it is `now`; `before` is the world of the
    user's first word, which `security()` compares with."""
    import repairs

    written = repairs.ATTACK.get((suite.name, injection_task.ID))
    if written:
        return written(before, now)
    return list(injection_task.ground_truth(now.model_copy(deep=True)))


def solved():
    """How many user tasks, repaired, are solved by `utility()` when their calls run and their answer is given."""
    from agentdojo.functions_runtime import FunctionsRuntime
    from agentdojo.types import text_content_block_from_string as text

    count = 0
    for suite in suites().values():
        for task in suite.user_tasks.values():
            before = environment(suite, task, {})
            after = before.model_copy(deep=True)
            calls = user_calls(suite, task, before)
            for call in calls:
                FunctionsRuntime(suite.tools).run_function(after, call.function, call.args)
            count += suite._check_task_result(task, [text(task.GROUND_TRUTH_OUTPUT)], before, after, calls)
    return count

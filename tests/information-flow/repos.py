"""Workflow repositories to measure: what `plimsoll init` proposes for the four suites, and the same with other tool lines."""

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

import suites

HERE = Path(__file__).resolve().parent
WORKFLOW = """\
workflow: {suite}
purpose: Measure what the rules cost and what they stop.
owner: nobody, this is a measurement
incident_owner: nobody, this is a measurement
mode: enforce
models: [main]
acts:
  {suite}.*: automated
"""
# The same words for every act that can do harm: a boundary needs them, and no rule reads them.
ACT = """\
  {suite}.{tool}:
    decides: {{people: [reviewer]}}
    on_failure: The world is thrown away.
    way_back: The world is thrown away.
"""


def proposed(binary, traces, into):
    """The repository that `plimsoll init` writes for the tools as exported, with a workflow for each suite."""
    shutil.rmtree(into, ignore_errors=True)
    run = [binary, "init", str(into), "--project", "suites", "--person", "emma"]
    for suite in suites.NAMES:
        run += ["--mcp", f"{suite}={sys.executable} {HERE / 'serve.py'} {traces / suite / 'tools.json'}"]
    done = subprocess.run(run, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"plimsoll init failed:\n{done.stderr}")
    (into / "workflows/assistant.yaml").unlink()
    for suite in suites.NAMES:
        write_workflow(into, suite)
    return into


def changed(base, into, lines=None, policy=None):
    """A copy of `base` with these tool lines (by suite), and with this policy instead of the shipped one."""
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(base, into)
    for suite, text in (lines or {}).items():
        (into / f"tools/{suite}.yaml").write_text(text)
        write_workflow(into, suite)
    if policy:
        (into / "policies").mkdir(exist_ok=True)
        (into / "policies/default.cedar").write_text(policy)
    return into


def write_workflow(repo, suite):
    tools = yaml.safe_load((repo / f"tools/{suite}.yaml").read_text())["tools"]
    acts = [ACT.format(suite=suite, tool=name) for name, tool in tools.items() if tool["tier"] != "safe"]
    (repo / f"workflows/{suite}.yaml").write_text(WORKFLOW.format(suite=suite) + "".join(acts))


def hand_lines():
    return {suite: (HERE / f"tools/{suite}.yaml").read_text() for suite in suites.NAMES}


def edited(lines, change):
    """The same tool lines after `change` was made to each tool's declaration."""
    return {suite: _edit(text, change) for suite, text in lines.items()}


def _edit(text, change):
    form = yaml.safe_load(text)
    for tool in form["tools"].values():
        change(tool)
    return yaml.safe_dump(form, sort_keys=False, width=10_000)

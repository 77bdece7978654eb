"""What is measured: the shipped rules with the hand annotations, the same with one thing taken away, and no annotation.

A variant changes tool lines or the shipped policy text. A change of the policy that finds nothing to change is an error:
the table must not claim to leave out a rule that has moved.
"""

import re
from pathlib import Path

import repos

POLICY = Path(__file__).resolve().parents[2] / "crates/plimsoll-bundle/policies/default.cedar"

SHIPPED = "shipped rules, hand annotations"
ZERO = "shipped rules, `init`'s proposals alone"
AS_TEXT = "results printed as YAML or Python text instead of JSON"


def all_variants():
    """Name to a function of (base repository, folder) that makes the repository to measure."""
    hand = repos.hand_lines()
    table = {SHIPPED: lambda base, into: repos.changed(base, into, hand)}
    table[AS_TEXT] = table[SHIPPED]
    for name, change in TOOL_CHANGES.items():
        table[name] = lambda base, into, change=change: repos.changed(base, into, repos.edited(hand, change))
    for name, change in POLICY_CHANGES.items():
        table[name] = lambda base, into, change=change: repos.changed(base, into, hand, change(POLICY.read_text()))
    table[ZERO] = lambda base, into: repos.changed(base, into)
    return table


def _drop_output(*keys):
    def change(tool):
        output = tool.get("output")
        if isinstance(output, dict):
            for key in keys:
                output.pop(key, None)

    return change


def _drop(*keys):
    def change(tool):
        for key in keys:
            tool.pop(key, None)

    return change


TOOL_CHANGES = {
    "no result means anything: only the user's words count": _drop("output"),
    "records lend nothing": _drop_output("lends", "named_by"),
    "no directories": _drop_output("directory"),
    "no authors": _drop_output("author"),
    "no amount is free": _drop("amount_free"),
    "no sensitive fields": _drop_output("sensitive"),
}

def without(pattern, what, instead=""):
    """A change of the policy text, which must find its pattern."""

    def change(text):
        changed, count = re.subn(pattern, instead, text)
        if not count:
            raise SystemExit(f"the shipped policy has no {what} to leave out: variants.py is behind it")
        return changed

    return change


def without_rule(*names):
    """The policy without the rules of these names."""

    def change(text):
        for name in names:
            text = without(rf'@id\("{name}"\)[^;]*;\n', f"rule `{name}`")(text)
        return text

    return change


def without_condition(name):
    """The policy without this condition, wherever a rule asks it together with others."""
    return without(rf"  {re.escape(name)} &&\n", f"condition `{name}`")


POLICY_CHANGES = {
    "whether the user asked is not asked": without_condition("context.intent.asked"),
    "any trusted value will do, chosen or not": without(r"  context\.flow\.chosen &&\n  context\.flow\.proven", "chosen", "  context.flow.proven"),
    "what a named or known author wrote does not count": without_rule("guarded-asked-and-told"),
    "directories serve only entries that the user named": without_rule("guarded-asked-and-listed"),
    "looking needs to be asked for like anything else": without_rule("guarded-look"),
    "no rule on foreign links and addresses": without_rule("foreign-text"),
    "no rule on sensitive data in the text": without_rule("sensitive-text"),
    "no rule on dictated text": without_rule("undictated-text"),
    "no rule on text at all": without_rule("foreign-text", "sensitive-text", "undictated-text"),
    "no rule on the lethal combination": without_rule("lethal-combination"),
    "no rule on readers": without_rule("outside-readers"),
}

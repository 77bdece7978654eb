#!/usr/bin/env python3
"""Measures every variant and writes docs/measurements/information-flow.md. Called by scripts/information-flow."""

import argparse
import hashlib
import subprocess
import sys
import time
from pathlib import Path

import bench
import repos
import report
import score
import suites
import variants

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs/measurements/information-flow.md"


def main():
    suites.repeatable()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True, help="the plimsoll to measure")
    parser.add_argument("--work", type=Path, required=True, help="where traces, repositories and answers go")
    parser.add_argument("--keep", action="store_true", help="use the traces of the last run")
    parser.add_argument("--only", action="append", help="measure this variant and print it; repeatable")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()

    traces = {results: export(given, results) for results in ("json", "text")}
    table = chosen(given.only)
    plain = traces["json"]
    judge = score.Judge(plain, given.work / f"security-{digest(plain)}.json", given.jobs)
    base = repos.proposed(given.binary, plain, given.work / "repositories/proposed")
    measured = {name: one(given, traces, base, judge, name, make) for name, make in table.items()}
    if given.only:
        print(report.table(measured))
        return
    text = report.page(measured, judge, count_proposed(base))
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text)
    say(f"wrote {PAGE.relative_to(HERE.parents[1])}")


def export(given, results):
    traces = given.work / f"traces/{results}"
    if not (given.keep and traces.exists()):
        run = [sys.executable, str(HERE / "export.py"), str(traces), "--jobs", str(given.jobs), "--results", results]
        subprocess.run(run, check=True)
    return traces


def chosen(only):
    table = variants.all_variants()
    if not only:
        return table
    found = {name: make for name, make in table.items() if any(word in name for word in only)}
    if not found:
        raise SystemExit("no such variant; there are:\n  " + "\n  ".join(table))
    return found


def digest(traces):
    files = sorted(traces.glob("*/*.jsonl"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def one(given, traces, base, judge, name, make):
    begun = time.monotonic()
    repo = make(base, given.work / "repositories" / hashlib.sha256(name.encode()).hexdigest()[:8])
    decided = bench.decide(given.binary, repo, traces["text" if name == variants.AS_TEXT else "json"])
    result = {"decided": decided, "successes": judge.successes(decided)}
    say(f"{name}: {time.monotonic() - begun:.0f} s")
    return result


def count_proposed(base):
    """Lines that `init` wrote, all suites together: somebody still has to read them."""
    return sum(len((base / f"tools/{suite}.yaml").read_text().splitlines()) for suite in suites.NAMES)


def say(text):
    print(f"information-flow: {text}", file=sys.stderr)


if __name__ == "__main__":
    main()

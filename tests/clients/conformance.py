#!/usr/bin/env python3
"""Runs the MCP conformance suites against one server twice, directly and through the gateway, and prints the difference.

Exits with 1 if any check is worse through the gateway, 2 if the suites themselves could not run. What fails in both
is the server's business, not the gateway's.
"""

import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Name, package, flags. Each requirement set is frozen at its release of the protocol.
SUITES = [
    ("0.1.16", "@modelcontextprotocol/conformance", []),
    ("2025-11-25", "conformance-next", ["--requirements", "2025-11-25"]),
    ("2026-07-28", "conformance-next", ["--requirements", "2026-07-28"]),
]
# From best to worst.
ORDER = ["SUCCESS", "INFO", "SKIPPED", "WARNING", "FAILURE", "missing"]

SHOWN = 40


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    # `tests/clients/serve` says all three in the environment.
    said = lambda name: {"default": os.environ.get(name), "required": name not in os.environ}
    parser.add_argument("--direct", metavar="URL", help="the server itself (CONFORMANCE_DIRECT)", **said("CONFORMANCE_DIRECT"))
    parser.add_argument(
        "--gateway", metavar="URL", help="the same server through the gateway (CONFORMANCE_GATEWAY)", **said("CONFORMANCE_GATEWAY")
    )
    key = os.environ.get("CONFORMANCE_KEY") or os.environ.get("PLIMSOLL_KEY", "")
    parser.add_argument("--key", default=key, help="the gateway's API key (CONFORMANCE_KEY, else PLIMSOLL_KEY)")
    parser.add_argument("--only", action="append", choices=[s[0] for s in SUITES], help="one suite; repeatable")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one run of one suite (default 300)")
    parser.add_argument("--again", type=int, default=1, help="worse checks must stay worse in this many more runs (default 1)")
    parser.add_argument("--keep", metavar="DIR", help="keep the suites' own results and output here")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    return parser.parse_args()


def run(suite, side, url, key, given, scratch):
    """One run of one suite: {scenario: {check id: [status, ...]}} with each list sorted from best to worst."""
    name, package, flags = suite
    home = Path(os.environ.get("PLIMSOLL_CLIENTS_DIR", ROOT / "target/clients")) / "node/node_modules"
    program = home / package / "dist/index.js"
    if not program.exists():
        stop(f"{program} is missing; run scripts/clients first")
    node = home / ".bin/node"
    out = scratch / f"{name}-{side}"
    shutil.rmtree(out, ignore_errors=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(scratch), "NO_COLOR": "1"}
    words = [str(node if node.exists() else "node")]
    if key:
        parts = urlsplit(url)
        env |= {"BEARER_KEY": key, "BEARER_ORIGIN": f"{parts.scheme}://{parts.netloc}"}
        words += ["--import", str(HERE / "node/bearer.mjs")]
    words += [str(program), "server", "--url", url, "-o", str(out), *flags]
    try:
        # The exit status says whether the server is conformant, which is not the question here.
        with open(scratch / f"{name}-{side}.log", "w") as log:
            subprocess.run(words, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=given.timeout)
    except subprocess.TimeoutExpired:
        print(f"conformance: {name} {side}: stopped after {given.timeout:.0f} s", file=sys.stderr)
    scenarios = {}
    for file in sorted(out.glob("*/checks.json")):
        scenario = re.sub(r"^server-|-\d{4}-\d\d-\d\dT[\d-]+Z$", "", file.parent.name)
        checks = scenarios.setdefault(scenario, collections.defaultdict(list))
        for check in json.loads(file.read_text()):
            checks[check["id"]].append((check["status"], check.get("errorMessage") or check.get("description") or ""))
    for checks in scenarios.values():
        for statuses in checks.values():
            statuses.sort(key=lambda status: rank(status[0]))
    return scenarios


def rank(status):
    return ORDER.index(status) if status in ORDER else ORDER.index("FAILURE")


def compare(direct, through):
    """Every check of either side: (scenario, check, direct's status, the gateway's status, why)."""
    rows = []
    for scenario in sorted(direct.keys() | through.keys()):
        a, b = direct.get(scenario, {}), through.get(scenario, {})
        for check in sorted(a.keys() | b.keys()):
            x, y = a.get(check, []), b.get(check, [])
            for at in range(max(len(x), len(y))):
                left = x[at][0] if at < len(x) else "absent"
                right, why = y[at] if at < len(y) else ("missing", "")
                rows.append((scenario, check, left, right, why))
    return rows


def worse(row):
    _, _, left, right, _ = row
    if left == "absent":
        # A check that only the gateway's run reached is bad news only if it fails.
        return right == "FAILURE"
    if right == "missing":
        # Suites leave out what does not apply; with a note, a warning or a failure nothing good is lost.
        return left == "SUCCESS"
    return rank(right) > rank(left)


def stop(why):
    print(f"conformance: {why}", file=sys.stderr)
    sys.exit(2)


def main():
    given = arguments()
    scratch = Path(given.keep or tempfile.mkdtemp(prefix="plimsoll-conformance-")).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    report, failed, total = [], 0, 0
    try:
        for suite in SUITES:
            if given.only and suite[0] not in given.only:
                continue
            direct = run(suite, "direct", given.direct, "", given, scratch)
            if not any(direct.values()):
                log = (scratch / f"{suite[0]}-direct.log").read_text()
                stop(f"{suite[0]} made no check of {given.direct}: {' '.join(log.split())[-400:]}")
            rows = compare(direct, run(suite, "gateway", given.gateway, given.key, given, scratch))
            bad = [row for row in rows if worse(row)]
            for _ in range(given.again):
                if bad:
                    # A check that is worse once and not again is a slow machine, not the gateway.
                    repeated = compare(direct, run(suite, "gateway", given.gateway, given.key, given, scratch))
                    still = {row[:2] for row in repeated if worse(row)}
                    bad = [row for row in bad if row[:2] in still]
            better = [row for row in rows if row[2] != "absent" and rank(row[3]) < rank(row[2])]
            count = lambda side, status: sum(row[side] == status for row in rows)
            entry = {
                "suite": suite[0],
                "direct": {"success": count(2, "SUCCESS"), "failure": count(2, "FAILURE")},
                "gateway": {"success": count(3, "SUCCESS"), "failure": count(3, "FAILURE")},
                "worse": [dict(zip(("scenario", "check", "direct", "gateway", "why"), row)) for row in bad],
                "better": [dict(zip(("scenario", "check", "direct", "gateway", "why"), row)) for row in better],
            }
            report.append(entry)
            total, failed = total + len(rows), failed + len(bad)
            if not given.json:
                show(entry)
    finally:
        if not given.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    if given.json:
        print(json.dumps({"passed": total - failed, "failed": failed, "suites": report}, indent=2))
    else:
        print(f"{total - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def show(entry):
    d, g = entry["direct"], entry["gateway"]
    print(
        f"{entry['suite']:<12}direct {d['success']:>3} ok {d['failure']:>3} failed   "
        f"gateway {g['success']:>3} ok {g['failure']:>3} failed   "
        f"worse {len(entry['worse'])}, better {len(entry['better'])}",
        flush=True,
    )
    for mark in ("worse", "better"):
        for row in entry[mark][:SHOWN]:
            print(f"  {mark:<7}{row['scenario']} / {row['check']}: {row['direct']} -> {row['gateway']}  {' '.join(row['why'].split())[:160]}")
        if len(entry[mark]) > SHOWN:
            print(f"  {mark:<7}and {len(entry[mark]) - SHOWN} more; --json has all")


main()

"""Runs `plimsoll bench policy`."""

import json
import os
import subprocess

import suites


def decide(binary, repo, traces):
    """What the program says about every episode: its own figures, and each call with its ruling."""
    run = [binary, "bench", "policy", "--repo", str(repo), "--json", "--traces"]
    for name in suites.NAMES:
        run += [str(traces / name / "benign.jsonl"), str(traces / name / "attack.jsonl")]
    done = subprocess.run(run, capture_output=True, text=True, env={**os.environ, "TRACES": str(traces)})
    if done.returncode:
        raise SystemExit(f"{' '.join(run)}\n{done.stderr}")
    return json.loads(done.stdout)

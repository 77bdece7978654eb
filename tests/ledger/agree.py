#!/usr/bin/env python3
"""Asks verify.py about every case of the tamper suite: it must find good what is good, and nothing else.

    agree.py DIR        where `PLIMSOLL_TAMPER_DIR=DIR cargo test -p plimsoll-ledger tamper` wrote the cases
"""
import base64, json, pathlib, sys
from verify import Bad, Checkpoint, Policy, verify_pack, verify_receipt


def edited(whole, edits):
    files = dict(whole)
    for edit in edits:
        name = edit["file"]
        if "flip" in edit:
            at, bit = edit["flip"]
            raw = bytearray(files[name])
            raw[at] ^= 1 << bit
            files[name] = bytes(raw)
        elif "set" in edit:
            files[name] = base64.b64decode(edit["set"])
        else:
            del files[name]
    return files


def verdict(case, wholes, policy):
    files = edited(wholes[case["of"]], case["edits"])
    try:
        if "receipt" in files:
            verify_receipt(files["receipt"], policy)
        else:
            verify_pack(files, policy, [Checkpoint(text.encode()) for text in case["earlier"]])
    except Bad as why:
        return str(why)
    return None


def main():
    where = pathlib.Path(sys.argv[1])
    suite = json.loads((where / "cases.json").read_text())
    policy = Policy((where / "trust.txt").read_text())
    wholes = {of: {name: base64.b64decode(raw) for name, raw in files.items()} for of, files in suite["wholes"].items()}
    wrong = 0
    for case in suite["cases"]:
        found = verdict(case, wholes, policy)
        if (found is None) != case["good"]:
            wrong += 1
            print(f"{case['name']}: {found or 'good'}")
    print(f"{len(suite['cases'])} cases, {wrong} of another opinion")
    sys.exit(1 if wrong or len(suite["cases"]) < 26_000 else 0)


if __name__ == "__main__":
    main()

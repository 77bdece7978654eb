#!/usr/bin/env python3
"""Checks a pack or a receipt of a Plimsoll ledger, without Plimsoll: the standard library and one package for Ed25519.

    verify.py --policy trust.txt PACK [--earlier CHECKPOINT]
    verify.py --policy trust.txt --receipt FILE

It shares no code with the program and follows the specifications alone: RFC 6962, and C2SP signed-note, tlog-checkpoint,
tlog-cosignature, tlog-tiles, tlog-policy and tlog-proof. Exit codes: 0 good, 1 not good, 2 could not tell.
"""
import argparse, base64, hashlib, json, pathlib, re, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Bad(Exception):
    """Why it is not to be believed."""


def need(holds, why):
    if not holds:
        raise Bad(why)


def sha256(*parts): return hashlib.sha256(b"".join(parts)).digest()
def leaf(entry): return sha256(b"\0", entry)
def node(left, right): return sha256(b"\1", left, right)


def unbase64(text):
    need(isinstance(text, str), "base64")
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise Bad("base64") from None
    need(base64.b64encode(raw).decode() == text, "base64 in another spelling")
    return raw


def number(text):
    need(re.fullmatch(r"0|[1-9][0-9]{0,19}", text, re.ASCII) and int(text) < 2**64, "not a number")
    return int(text)


def from_json(raw, exact=False):
    def once(members):  # a member that is there twice says nothing
        names = [name for name, _ in members]
        return {name: value if names.count(name) == 1 else None for name, value in members}
    try:  # int() of NaN and Infinity, which are not JSON, is a ValueError too
        value = json.loads(raw.decode(), parse_constant=int, object_pairs_hook=once)
        again = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() if exact else raw
    except (ValueError, RecursionError):
        raise Bad("not JSON") from None
    need(again == raw, "JSON in another spelling")
    return value


def root(hashes):
    """RFC 6962, 2.1: the Merkle tree hash, given the hashes of the leaves."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256()
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return node(root(hashes[:half]), root(hashes[half:]))


# ---- notes, keys, policies ----

class Key:
    def __init__(self, line, kinds):
        name, key_id, raw = (line.split("+", 2) + ["", ""])[:3]
        raw = unbase64(raw)
        need(name and not re.search(r"\s", name) and len(raw) == 33 and raw[0] in kinds, "verifier key")
        need(sha256(name.encode(), b"\n", raw)[:4].hex() == key_id, "key id")
        self.name, self.id, self.kind, self.raw = name, bytes.fromhex(key_id), raw[0], raw[1:]

    def verifies(self, text, signature):
        if self.kind == 4:  # tlog-cosignature: a time before the signature
            time, signature = int.from_bytes(signature[:8]), signature[8:]
            if not 0 < time < 2**63:
                return False
            text = f"cosignature/v1\ntime {time}\n{text}"
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text.encode())
            return True
        except InvalidSignature:
            return False


class Checkpoint:
    def __init__(self, raw):
        try:
            all_text = raw.decode()
        except UnicodeDecodeError:
            raise Bad("not UTF-8") from None
        need(not re.search("[\0-\x09\x0b-\x1f]", all_text), "control character")
        self.text, blank, lines = all_text.rpartition("\n\n")
        need(blank and lines.endswith("\n"), "no signatures")
        self.text, self.signatures = self.text + "\n", []
        for line in lines[:-1].split("\n"):
            dash, name, raw = (line.split(" ") + ["", ""])[:3]
            need(dash == "\u2014" and line.count(" ") == 2 and name and not re.search(r"[\s+]", name), "signature line")
            raw = unbase64(raw)
            need(len(raw) > 4, "signature")
            self.signatures.append((name, raw[:4], raw[4:]))
        body = self.text[:-1].split("\n")
        need(len(body) >= 3 and all(body), "checkpoint lines")
        self.origin, self.size, self.root = body[0], number(body[1]), unbase64(body[2])
        need(len(self.root) == 32, "root")

    def signed_by(self, key):
        mine = [signature for name, key_id, signature in self.signatures if (name, key_id) == (key.name, key.id)]
        need(all(key.verifies(self.text, signature) for signature in mine), f"wrong signature of {key.name}")
        return bool(mine)


class Policy:
    def __init__(self, text):
        self.logs, self.rules, self.quorum = [], {}, None
        for line in text.split("\n"):
            words = re.split(r"[ \t]+", line.strip(" \t"))
            match words:
                case [""]: pass
                case [word, *_] if word.startswith("#"): pass
                case ["log", key] | ["log", key, _]: self.logs.append(Key(key, [1]))
                case ["witness", name, key] | ["witness", name, key, _]: self.define(name, Key(key, [4]))
                case ["group", name, k, *members] if members and all(m in self.rules for m in members):
                    k = {"any": 1, "all": len(members)}.get(k) or number(k)
                    need(1 <= k <= len(members), "threshold")
                    self.define(name, (k, members))
                case ["quorum", name] if self.quorum is None and (name == "none" or name in self.rules): self.quorum = name
                case _: raise Bad(f"policy: {line}")
        need(self.quorum, "no quorum")

    def define(self, name, rule):
        need(name != "none" and name not in self.rules, "name taken")
        self.rules[name] = rule

    def judge(self, checkpoint):
        need(any([checkpoint.signed_by(key) for key in self.logs if key.name == checkpoint.origin]), "not the ledger's")
        who = {name: checkpoint.signed_by(rule) for name, rule in self.rules.items() if isinstance(rule, Key)}

        def counts(name):
            return who[name] if name in who else sum(map(counts, self.rules[name][1])) >= self.rules[name][0]
        need(self.quorum == "none" or counts(self.quorum), "too few witnesses")


# ---- packs and receipts ----

def path_of(kind, index, width):
    groups = re.findall("...", f"{index:0{3 * max(1, -(-len(str(index)) // 3))}d}")
    path = "/".join(["tile", str(kind)] + ["x" + group for group in groups[:-1]] + groups[-1:])
    return path if width == 256 else f"{path}.p/{width}"


def split_bundle(raw):
    entries = []
    while raw:
        length = int.from_bytes(raw[:2])
        need(len(raw) >= 2 + length and len(raw) >= 2, "bundle")
        entries.append(raw[2:2 + length])
        raw = raw[2 + length:]
    return entries


def split(kind, raw):
    if kind == "entries":
        return split_bundle(raw)
    need(len(raw) % 32 == 0, "tile length")
    return [raw[at:at + 32] for at in range(0, len(raw), 32)]


def verify_pack(files, policy, earlier=()):
    """`files`: bytes by path. Says how many entries were verified."""
    need("checkpoint" in files, "no checkpoint")
    checkpoint = Checkpoint(files["checkpoint"])
    policy.judge(checkpoint)
    wide = {}

    def tiles(kind, count):
        parts = []
        for index in range(-(-count // 256)):
            width = min(256, count - 256 * index)
            raw = files.get(path_of(kind, index, width))
            parts.append(split(kind, raw) if raw is not None else split(kind, files.get(path_of(kind, index, 256), b""))[:width])
            need(len(parts[-1]) == width, f"tile {path_of(kind, index, width)}")
            wide[kind, index] = parts[-1]
        return [part for tile in parts for part in tile]
    leaves = tiles(0, checkpoint.size)
    need([leaf(entry) for entry in tiles("entries", checkpoint.size)] == leaves, "an entry is not the one that was written")
    level, hashes = 0, leaves
    while len(hashes) >= 256:
        above = [root(hashes[at:at + 256]) for at in range(0, len(hashes) // 256 * 256, 256)]
        level += 1
        need(tiles(level, len(above)) == above, "a tile is not the root of those below")
        hashes = above
    need(root(leaves) == checkpoint.root, "the root is another")
    for kept in earlier:
        need(kept.size <= checkpoint.size, "rolled back")
        need(root(leaves[:kept.size]) == kept.root, "rewritten")
    for path in files:  # older, narrower tiles may lie about; they must begin the same
        if path.startswith("tile/"):
            found = re.fullmatch(r"tile/(0|[1-9][0-9]?|entries)/((?:x\d{3}/){0,6})(\d{3})(?:\.p/([1-9]\d{0,2}))?", path, re.ASCII)
            need(found, f"{path} is not a file of the tree")
            kind = found[1] if found[1] == "entries" else int(found[1])
            index, width = int(found[2].replace("x", "").replace("/", "") + found[3]), int(found[4] or 256)
            need(path == path_of(kind, index, width) and width <= 256, f"{path} is not a file of the tree")
            need(split(kind, files[path]) == wide.get((kind, index), [])[:width], f"{path} is of another tree")
    return checkpoint.size


def verify_receipt(raw, policy):
    """tlog-proof, "Verifying a tlog proof". Gives the entry."""
    proof, blank, rest = raw.partition(b"\n\n")
    try:
        magic, extra, index, *path = proof.decode().split("\n")
    except ValueError:
        raise Bad("receipt") from None
    need(blank and magic == "c2sp.org/tlog-proof@v1" and extra[:6] == "extra " and index[:6] == "index ", "receipt lines")
    extra, index, path = unbase64(extra[6:]), number(index[6:]), [unbase64(line) for line in path]
    fields = from_json(extra, exact=True)
    need(isinstance(fields, dict) and list(fields) == ["entry", "disclosed"], "extra members")
    entry, shown, checkpoint = unbase64(fields["entry"]), fields["disclosed"], Checkpoint(rest)
    need(isinstance(shown, list), "disclosed")
    policy.judge(checkpoint)
    need(climb(leaf(entry), index, checkpoint.size, path) == checkpoint.root, "not in the tree")
    seal = seal_of(entry) if shown else None
    need(len({disclosed(seal, field) for field in shown}) == len(shown), "a field is disclosed twice")
    return entry


def climb(at, index, size, path):
    """RFC 6962, 2.1.1: the root that a leaf at this place has with these hashes beside its way."""
    need(0 <= index < size, "no such place")
    low, high, turns = 0, size, []
    while high - low > 1:  # from the root down to the leaf: on which side the sibling is
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        turns.append(index >= middle)
        low, high = (middle, high) if index >= middle else (low, middle)
    need(len(turns) == len(path) and all(len(step) == 32 for step in path), "length of the proof")
    for sibling, left in zip(path, reversed(turns)):
        at = node(sibling, at) if left else node(at, sibling)
    return at


def small(n): return type(n) is int and n in range(2**32)


def seal_of(entry):
    """What the entry says of its sealed fields: their root, and how many they are."""
    entry = from_json(entry)
    seal = entry.get("seal") if isinstance(entry, dict) else None
    need(isinstance(seal, dict) and small(seal.get("fields")), "an entry that seals nothing")
    spelt = [re.fullmatch("sha256:([0-9a-f]{64})", str(seal.get(name)), re.ASCII) for name in ["root", "digest"]]
    need(all(spelt), "digests of the seal")
    return bytes.fromhex(spelt[0][1]), seal["fields"]


def disclosed(seal, field):
    """A sealed field that the holder shows: the entry commits to it. Gives its place."""
    need(isinstance(field, dict) and list(field) == ["path", "value", "salt", "index", "proof"], "members of a field")
    path, value, salt, index, proof = field.values()
    need(isinstance(path, str) and small(index) and isinstance(proof, list), "types of a field")
    path, value, salt, proof = path.encode(), unbase64(value), unbase64(salt), [unbase64(step) for step in proof]
    need(len(path) < 2**16 and len(salt) == 32, "path or salt")
    at = leaf(sha256(b"plimsoll/commit/v1", salt, len(path).to_bytes(2, "little"), path, value))
    need(climb(at, index, seal[1], proof) == seal[0], "a field that the entry does not commit to")
    return index


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--policy", required=True, type=pathlib.Path)
    args.add_argument("--receipt", action="store_true")
    args.add_argument("--earlier", action="append", default=[], type=pathlib.Path)
    args.add_argument("what", type=pathlib.Path)
    args = args.parse_args()
    try:
        policy = Policy(args.policy.read_text())
        if args.receipt:
            print(verify_receipt(args.what.read_bytes(), policy).decode(errors="replace"))
        else:
            files = {str(f.relative_to(args.what)): f.read_bytes() for f in args.what.rglob("*") if f.is_file()}
            earlier = [Checkpoint(kept.read_bytes()) for kept in args.earlier]
            print(f"good: {verify_pack(files, policy, earlier)} entries")
    except Bad as why:
        sys.exit(f"not good: {why}")
    except (OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()

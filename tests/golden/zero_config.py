"""Events without a pipeline: from a file of any name, gzip, and standard input; the rows of all must be the same.

    zero_config.py LEADFLOW_BINARY
"""
import base64
import gzip
import pathlib
import subprocess
import sys
import tempfile

BINARY = str(pathlib.Path(sys.argv[1]).resolve())
EVENTS = b"""{"id":"1","kind":"page_view","time":"2026-03-01T09:00:00Z","anonymous_id":"c1","utm":{"source":"google","medium":"cpc"}}
{"id":"2","kind":"form_submit","time":"2026-03-01T09:05:00Z","anonymous_id":"c1","email":"ann@example.com","form":"demo"}
{"id":"3","kind":"order","time":"2026-06-01T10:00:00Z","email":"ann@example.com","order_id":"o1","amount":{"minor":125000,"currency":"EUR"}}
"""


def rows(name, argument, given=None):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if argument != "-":
            (folder / argument).write_bytes(gzip.compress(EVENTS) if argument.endswith(".gz") else EVENTS)
        done = subprocess.run([BINARY, "run", argument], cwd=folder, input=given, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"{name}: ended with {done.returncode}\n{done.stderr.decode()}")
        return [line.rsplit(b",", 1)[0] for line in (folder / "out/revenue.csv").read_bytes().splitlines()]


def kept_dead_letter(*words):
    """What is no event stays, although the state of such a run goes with it."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "events.jsonl").write_bytes(EVENTS + b"no event\n")
        subprocess.run([BINARY, "run", "events.jsonl", *words], cwd=folder, capture_output=True, check=True)
        kept = folder / "out/dead_letters.jsonl"
        return kept.exists() and base64.b64encode(b"no event") in kept.read_bytes()


def main():
    plain = rows("a file", "events.jsonl")
    if not any(b"Paid search" in row and b"1250.00" in row for row in plain):
        sys.exit(f"the order is not with its ad: {plain}")
    for name, argument, given in (("a name like a pattern", "a[1]*.jsonl", None), ("gzip", "events.jsonl.gz", None),
                                  ("standard input", "-", EVENTS)):
        if rows(name, argument, given) != plain:
            sys.exit(f"{name}: other rows than from a plain file")
    for words in ((), ("--quiet",), ("--log-format", "json")):
        if not kept_dead_letter(*words):
            sys.exit(f"run {' '.join(words)}: the dead letter is gone")
    print("the same rows in four ways")


if __name__ == "__main__":
    main()

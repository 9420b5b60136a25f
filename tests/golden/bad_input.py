"""Bad input never stops a run and never disappears: each piece of it is a dead letter with its reason and its bytes.

    bad_input.py LEADFLOW_BINARY
"""
import base64
import csv
import gzip
import json
import pathlib
import resource
import subprocess
import sys
import tempfile

BINARY = str(pathlib.Path(sys.argv[1]).resolve())
PIPELINE = """
version: 1
name: bad
time_zone: UTC
sources:
  events: {file: {path: events.jsonl}, format: leadflow}
  packed: {file: {path: packed.jsonl.gz}, format: leadflow}
kpis:
  forms: {count: form_submit, by: [], window: total}
  revenue: {sum: order.amount, by: [], window: total}
  cost: {sum: cost.amount, by: [], window: total}
"""
GOOD = '{"id":"%d","kind":"form_submit","time":"2026-01-01T00:00:00Z","email":"ann@example.com"}'
T = '"time":"2026-01-01T00:00:00Z"'
BAD = {  # name: (line, a word that the reason must hold)
    "broken JSON": (b'{"id":"x1","kind":"form_submit"', ""),
    "not an object": (b'[1,2', ""),
    "deep nesting": (b'{"id":"x2","kind":"form_submit",%s,"email":"a@example.com","labels":%s1%s}' % (
        T.encode(), b'{"a":' * 2000, b"}" * 2000), ""),
    "invalid UTF-8": (b'{"id":"x3","kind":"form_submit",%s,"email":"\xff\xfe@example.com"}' % T.encode(), ""),
    "wrong type": (b'{"id":"x4","kind":"form_submit",%s,"email":17}' % T.encode(), "email"),
    "unknown kind": (b'{"id":"x5","kind":"form_submitt",%s,"email":"a@example.com"}' % T.encode(), "kind"),
    "unknown field": (b'{"id":"x6","kind":"form_submit",%s,"emial":"a@example.com"}' % T.encode(), "emial"),
    "future": (b'{"id":"x7","kind":"form_submit","time":"2999-01-01T00:00:00Z","email":"a@example.com"}', "future"),
    "no id": (b'{"kind":"form_submit",%s,"email":"a@example.com"}' % T.encode(), "id"),
    "no time": (b'{"id":"x8","kind":"form_submit","email":"a@example.com"}', "time"),
    "no identifier": (b'{"id":"x9","kind":"form_submit",%s}' % T.encode(), "identifier"),
    "negative refund": (b'{"id":"x10","kind":"refund",%s,"order_id":"o1","refund_id":"r1","amount":{"minor":-5,"currency":"EUR"}}' % T.encode(), "negative"),
    "negative cost": (b'{"id":"x11","kind":"cost",%s,"amount":{"minor":-5,"currency":"EUR"}}' % T.encode(), "negative"),
    "duplicate key": (b'{"id":"x12","id":"x13","kind":"form_submit",%s,"email":"a@example.com"}' % T.encode(), ""),
    "too long": (b'{"id":"x14","kind":"form_submit",%s,"email":"a@example.com","form":"%s"}' % (T.encode(), b"a" * 70_000), "long"),
    "100 MB line": (b'{"id":"' + b"x" * 100_000_000 + b'"}', "long"),
}


def main():
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with open(folder / "events.jsonl", "wb") as out:
            for number, (line, _) in enumerate(BAD.values()):
                out.write((GOOD % number).encode() + b"\n" + line + b"\n")
            out.write((GOOD % 999).encode() + b"\n")
        packed = gzip.compress("".join(GOOD % (2000 + i) + "\n" for i in range(5000)).encode())
        (folder / "packed.jsonl.gz").write_bytes(packed[:len(packed) // 2])
        (folder / "pipeline.yaml").write_text(PIPELINE)
        done = subprocess.run([BINARY, "run", str(folder / "pipeline.yaml"), "--until-end", "--quiet"], capture_output=True, text=True)
        resident = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(done.stderr[-3000:])
        if done.returncode != 0:
            sys.exit(f"the run ended with {done.returncode}")
        letters = [json.loads(line) for line in next(folder.glob("state/**/dead_letters.jsonl")).read_text().splitlines()]
        with open(folder / "out/forms.csv", newline="") as text:
            forms = int(next(csv.DictReader(text))["value"])
    kept = [(base64.b64decode(letter["bytes"]), letter["reason"]) for letter in letters]
    for name, (line, word) in BAD.items():
        found = [reason for data, reason in kept if data == line[:65_536]]
        if len(found) != 1 or word.lower() not in found[0].lower():
            wrong.append(f"{name}: dead letters with these bytes: {found}")
        else:
            print(f"  {name}: {found[0]}")
    if not any("gzip" in reason for _, reason in kept):
        wrong.append(f"truncated gzip: no dead letter; reasons: {sorted({reason for _, reason in kept})}")
    if forms < len(BAD) + 1 + 100:
        wrong.append(f"{forms} good forms counted; the good lines between bad ones and before the cut of the gzip must all count")
    if resident > 400:
        wrong.append(f"peak resident size {resident:.0f} MiB")
    print(f"{len(letters)} dead letters, {forms} good events counted, peak resident {resident:.0f} MiB")
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

"""Bad input never stops a run and never disappears: each piece of it is a dead letter with its reason and its bytes.
A full disk stops a run with a clear message; with space again, the next run ends with the rows of an undisturbed one.

    bad_input.py LEADFLOW_BINARY [--memory MIB]      --memory: peak resident size allowed (0: do not look)
"""
import argparse
import base64
import csv
import gzip
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KEPT = 65_536  # bytes of a message in a dead letter
HUGE = 100_000_000
SOURCES = """
version: 1
name: bad
time_zone: UTC
engine: {memory: 256MiB}
sources:
  events: {file: {path: events.jsonl}, format: leadflow}
"""
BAD_PIPELINE = SOURCES + """
  packed: {file: {path: packed.jsonl.gz}, format: leadflow}
  table:
    file: {path: table.csv}
    format: csv
    time_zone: UTC
    events:
      - {kind: form_submit, map: {id: $.id, time: parse_time($.time), email: $.email, rating: int($.rating)}}
kpis:
  forms: {count: form_submit, by: [], window: total}
  revenue: {sum: order.amount, by: [], window: total}
  cost: {sum: cost.amount, by: [], window: total}
"""
DISK_PIPELINE = SOURCES + """
kpis:
  visits: {count: visit, by: [channel], window: 1d}
  revenue: {attributed: order, value: amount, by: [model, channel, campaign], window: 1mo}
"""
GOOD = '{"id":"%d","kind":"form_submit","time":"2026-01-01T00:00:00Z","email":"ann@example.com"}'
HEAD = b'"kind":"form_submit","time":"2026-01-01T00:00:00Z","email":"a@example.com"'
ORDER = b'"kind":"order","time":"2026-01-01T00:00:00Z","email":"a@example.com","order_id":"o9"'
BAD = {  # name: (line, a word that the reason must hold)
    "broken JSON": (b'{"id":"x1","kind":"form_submit"', "JSON"),
    "not an object": (b"[1,2", "object"),
    "deep nesting": (b'{"id":"x2",%s,"labels":%s1%s}' % (HEAD, b'{"a":' * 2000, b"}" * 2000), ""),
    "deep nesting, unfinished": (b"[" * 50_000, ""),
    "invalid UTF-8": (b'{"id":"x3",%s,"form":"\xff\xfe"}' % HEAD, "UTF-8"),
    "a zero byte": (b'{"id":"x\x003",%s}' % HEAD, "JSON"),
    "wrong type": (b'{"id":"x4","kind":"form_submit","time":"2026-01-01T00:00:00Z","email":17}', "email"),
    "wrong boolean": (b'{"id":"x5",%s,"machine":"yes"}' % HEAD, "machine"),
    "unknown kind": (b'{"id":"x6","kind":"form_submitt","time":"2026-01-01T00:00:00Z","email":"a@example.com"}', "form_submit"),
    "unknown field": (b'{"id":"x7",%s,"emial":"b@example.com"}' % HEAD, "emial"),
    "in the future": (b'{"id":"x8","kind":"form_submit","time":"2999-01-01T00:00:00Z","email":"a@example.com"}', "ahead"),
    "no date": (b'{"id":"x9","kind":"form_submit","time":"2026-02-30T00:00:00Z","email":"a@example.com"}', "time"),
    "time beyond all": (b'{"id":"x10","kind":"form_submit","time":99999999999999999999,"email":"a@example.com"}', "time"),
    "no id": (b"{%s}" % HEAD, "id"),
    "no time": (b'{"id":"x11","kind":"form_submit","email":"a@example.com"}', "time"),
    "no identifier": (b'{"id":"x12","kind":"form_submit","time":"2026-01-01T00:00:00Z"}', "identifier"),
    "negative refund": (b'{"id":"x13","kind":"refund","time":"2026-01-01T00:00:00Z","order_id":"o1","refund_id":"r1",'
                        b'"amount":{"minor":-5,"currency":"EUR"}}', "negative"),
    "negative cost": (b'{"id":"x14","kind":"cost","time":"2026-01-01T00:00:00Z","amount":{"minor":-5,"currency":"EUR"}}',
                      "negative"),
    "amount too large": (b'{"id":"x15",%s,"amount":{"minor":9223372036854775808,"currency":"EUR"}}' % ORDER, "amount"),
    "half a cent": (b'{"id":"x16",%s,"amount":{"minor":0.5,"currency":"EUR"}}' % ORDER, "amount"),
    "no currency": (b'{"id":"x17",%s,"amount":{"minor":5,"currency":"euro"}}' % ORDER, "currency"),
    "key twice": (b'{"id":"x18","id":"x19",%s}' % HEAD, "twice"),
    "too long": (b'{"id":"x20",%s,"form":"%s"}' % (HEAD, b"a" * 70_000), "long"),
}
BAD_ROWS = {
    "a field too many": (b"2,2026-01-01T00:00:00Z,a@example.com,1,2", "columns"),
    "a time that is none": (b"3,soon,a@example.com,1", "time"),
    "text behind a quote": (b'4,2026-01-01T00:00:00Z,"a@example.com"x,1', "quote"),
}


def run(binary, folder, *more):
    return subprocess.run([binary, "run", str(folder / "pipeline.yaml"), "--until-end", *more], capture_output=True, text=True)


def rows_of(out):
    """The rows without what depends on how often they were written."""
    rows = []
    for file in sorted(pathlib.Path(out).glob("*.csv")):
        with open(file, newline="", encoding="utf-8") as text:
            rows += [(file.stem, *(v for c, v in row.items() if c not in ("revision", "cause", "updated_at")))
                     for row in csv.DictReader(text)]
    return rows


def write_bad_input(folder):
    """Good lines between bad ones; returns how many of the good ones can be read at least."""
    with open(folder / "events.jsonl", "wb") as out:
        for number, (line, _) in enumerate(BAD.values()):
            out.write((GOOD % number).encode() + b"\n" + line + b"\n\n")
        out.write(b'{"id":"')
        for _ in range(HUGE // 1_000_000):
            out.write(b"x" * 1_000_000)
        out.write(b'"}\n' + (GOOD % 999).encode() + b"\n")
    packed = gzip.compress("".join(GOOD % (2000 + i) + "\n" for i in range(5000)).encode())
    (folder / "packed.jsonl.gz").write_bytes(packed[:len(packed) // 2])
    (folder / "table.csv").write_bytes(b"id,time,email,rating\n" + b"".join(line + b"\n" for line, _ in BAD_ROWS.values()) +
                                       b"5,2026-01-01T00:00:00Z,a@example.com,1\n")
    return len(BAD) + 1 + 100 + 1


def dead_letters(folder):
    """(bytes, reason) of each."""
    with open(next(folder.glob("state/**/dead_letters.jsonl")), encoding="utf-8") as text:
        return [(base64.b64decode(letter["bytes"]), letter["reason"]) for letter in map(json.loads, text)]


def check_letters(kept):
    wrong = []
    huge = (b'{"id":"' + b"x" * KEPT, "long")
    for name, (line, word) in {**BAD, **BAD_ROWS, "a line of 100 MB": huge}.items():
        found = [reason for data, reason in kept if data == line[:KEPT]]
        if len(found) != 1 or word.lower() not in found[0].lower():
            wrong.append(f"{name}: dead letters with these bytes: {found}")
        else:
            print(f"  {name}: {found[0]}")
    if not any("gzip" in reason for _, reason in kept):
        wrong.append(f"truncated gzip: no dead letter; reasons: {sorted({reason for _, reason in kept})}")
    return wrong


def check_second_run(binary, folder, kept):
    """Nothing is read again but the gzip, which may be whole by now: while it is not, it says so in each run."""
    done = run(binary, folder, "--quiet")
    more = dead_letters(folder)[len(kept):]
    if done.returncode != 0 or any("gzip" not in reason for _, reason in more):
        yield f"a second run ended with {done.returncode}, and has more dead letters: {more}\n{done.stderr}"


def bad_input(binary, memory_mib):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        readable = write_bad_input(folder)
        (folder / "pipeline.yaml").write_text(BAD_PIPELINE)
        done = run(binary, folder)
        resident = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        if done.returncode != 0:
            return [f"the run ended with {done.returncode}: {done.stderr[-3000:]}"]
        kept = dead_letters(folder)
        wrong = check_letters(kept)
        forms = int(next(csv.DictReader((folder / "out/forms.csv").read_text().splitlines()))["value"])
        counted = sum(int(n.replace(",", "")) for n in re.findall(r"^ +dead[ _]letters .*?([\d,]+)$", done.stderr, re.M))
        if counted != len(kept):
            wrong.append(f"{len(kept)} dead letters, but the end of the run counts {counted}:\n{done.stderr}")
        wrong += check_second_run(binary, folder, kept)
    if forms < readable:
        wrong.append(f"{forms} good forms counted; the good lines between bad ones and before the cut of the gzip must all count")
    if memory_mib and resident > memory_mib:
        wrong.append(f"peak resident size {resident:.0f} MiB")
    print(f"{len(kept)} dead letters, {forms} good events counted, peak resident {resident:.0f} MiB")
    return wrong


class SmallDisk:
    """A folder with little space: a small tmpfs for root, else a limit to the size of files."""

    def __init__(self, folder, kib):
        self.folder = folder
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)], capture_output=True)
        self.mounted = mount.returncode == 0
        self.limit = None if self.mounted else kib * 256

    def run(self, binary):
        limit = self.limit
        # Without restore_signals SIGXFSZ stays ignored, as it is in Python.
        return subprocess.run([binary, "run", "pipeline.yaml", "--until-end", "--quiet"], capture_output=True, text=True,
                              cwd=self.folder.parent, env=dict(os.environ, DISK=str(self.folder)), restore_signals=limit is None,
                              preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))))

    def grow(self):
        self.limit = None
        if self.mounted:
            subprocess.run(["mount", "-o", "remount,size=500m", str(self.folder)], check=True)

    def remove(self):
        if self.mounted:
            subprocess.run(["umount", str(self.folder)], check=True)


def full_disk(binary, folder, events, kib, wanted):
    place = folder / f"disk-{kib}"
    (place / "disk").mkdir(parents=True)
    (place / "pipeline.yaml").write_text(DISK_PIPELINE.replace("events.jsonl", str(events)).replace(
        "memory: 256MiB", 'memory: 256MiB, state_dir: "${DISK}/state"') + 'outputs:\n  - file: {path: "${DISK}/out/{kpi}.csv"}\n')
    disk = SmallDisk(place / "disk", kib)
    try:
        first = disk.run(binary)
        disk.grow()
        second = disk.run(binary)
        rows = rows_of(place / "disk/out")
    finally:
        disk.remove()
    wrong = []
    if first.returncode not in (0, 1) or (first.returncode == 1 and not re.search("space|too large", first.stderr)):
        wrong.append(f"full disk of {kib} KiB: the run ended with {first.returncode}: {first.stderr[-1000:]}")
    if second.returncode != 0 or rows != wanted:
        wrong.append(f"full disk of {kib} KiB: the run after it ended with {second.returncode}, rows "
                     f"{'equal' if rows == wanted else 'differ'}: {second.stderr[-1000:]}")
    print(f"  disk of {kib} KiB: {first.stderr.strip().replace(str(place), '') or 'enough'}")
    return wrong, first.returncode == 1


def full_disks(binary):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        events = folder / "events.jsonl"
        subprocess.run([sys.executable, "-B", ROOT / "examples/quickstart/generate.py", events, "300"], check=True,
                       stderr=subprocess.DEVNULL)
        (folder / "pipeline.yaml").write_text(DISK_PIPELINE)
        done = run(binary, folder, "--quiet")
        if done.returncode != 0:
            return [f"the run with enough space ended with {done.returncode}: {done.stderr[-1000:]}"]
        wanted, wrong, stopped = rows_of(folder / "out"), [], 0
        for kib in (64, 256, 512, 1024, 1536, 2048):
            more, full = full_disk(binary, folder, events, kib, wanted)
            wrong, stopped = wrong + more, stopped + full
        if not stopped:
            wrong.append("no disk was full: this test tests nothing")
        return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--memory", type=int, default=256)
    options = parser.parse_args()
    binary = str(pathlib.Path(options.binary).resolve())
    wrong = bad_input(binary, options.memory) + full_disks(binary)
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

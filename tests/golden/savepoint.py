"""`leadflow savepoint`: what is saved half-way and restored elsewhere ends with the rows of one run; what does not fit, is damaged or
half restored is refused.

    savepoint.py LEADFLOW_BINARY [--leads 150] [--seed 11]
"""
import argparse
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from run import ROOT, Way

PIPELINE = str(ROOT / "tests/golden/year.yaml")
HALF = "has begun and not ended"


class Check:
    def __init__(self, binary, folder, events, half):
        self.binary, self.folder, self.events, self.half = binary, pathlib.Path(folder), events, half
        self.number, self.failed = 0, 0

    def way(self, name):
        self.number += 1
        return Way(self.binary, PIPELINE, self.folder, f"{self.number}-{name}")

    def leadflow(self, way, *words):
        done = subprocess.run([self.binary, *words], env=way.environment(self.events), capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def create(self, way, *settings):
        directory = str(way.folder / "savepoint")
        self.expect(way, ("savepoint", "create", PIPELINE, directory, *settings), 0, "Saved `year`: ")
        return directory

    def restore(self, way, directory, *words):
        self.expect(way, ("savepoint", "restore", PIPELINE, directory, *words), 0, "Restored `year`: ")

    def expect(self, way, words, code, *texts):
        got, said = self.leadflow(way, *words)
        if got != code or any(text not in said for text in texts):
            sys.exit(f"{way.name}: leadflow {' '.join(words)}: {got} instead of {code}, without {texts}\n{said[-3000:]}")

    def compare(self, name, rows, expected):
        different = sorted(set(rows.items()) ^ set(expected.items()), key=str)
        self.failed += bool(different)
        print(f"  {'DIFFERS' if different else 'equal  '} {name}" + "".join(f"\n      {d}" for d in different[:6]), flush=True)


def run_half(check, way, *settings):
    """The file of events has grown when the pipeline goes on: positions of files are those of their names."""
    whole = check.events.read_bytes()
    check.events.write_bytes(check.half)
    way.run(check.events, *settings)
    check.events.write_bytes(whole)


def test_halves(check, expected):
    first, second = check.way("first"), check.way("second")
    run_half(check, first)
    directory = check.create(first)
    if (os.stat(directory).st_mode & 0o77, os.stat(directory + "/identity.key").st_mode & 0o77) != (0, 0):
        sys.exit("others can read the key of a savepoint")
    check.restore(second, directory)
    check.compare("saved half-way, restored elsewhere", second.run(check.events), expected)
    check.compare("the one that was saved goes on, too", first.run(check.events), expected)
    anew = check.way("anew")
    check.restore(anew, directory, "--sources-anew")
    check.compare("restored with its sources read anew", anew.run(check.events), expected)
    return directory


def kill_in_the_middle(way, command, events, dice):
    """When its log has begun to grow; False: it was faster."""
    log = way.folder / "state/log"
    size = lambda: sum(path.stat().st_size for path in log.glob("*")) if log.exists() else 0  # noqa: E731
    before, more, deadline = size(), dice.randrange(1000, 300_000), time.monotonic() + 120
    with subprocess.Popen(command, env=way.environment(events), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and size() < before + more and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    return process.returncode != 0


def test_killed_run(check, expected, dice):
    """What two threads had sent each other when they died goes with the savepoint."""
    settings = ("engine.threads=2", "engine.commit_interval=1ms")
    for _ in range(30):
        way = check.way("killed")
        if not kill_in_the_middle(way, way.command(*settings), check.events, dice):
            continue
        directory = check.create(way)
        under_way = sum(path.stat().st_size for path in pathlib.Path(directory).glob("[ef]*-*"))
        if under_way > 0:
            after = check.way("after")
            check.restore(after, directory)
            check.compare(f"killed, saved with {under_way} bytes under way, restored", after.run(check.events, *settings), expected)
            return
    sys.exit("nothing was ever under way")


def test_refusals(check, directory):
    way = check.way("refused")
    restore = ("savepoint", "restore", PIPELINE)
    check.expect(way, (*restore, directory, "--set", "time_zone=UTC"), 1, "written under other rules")
    check.expect(way, (*restore, directory, "--set", "engine.partitions=3"), 1, "4 partitions, the pipeline 3", "{partitions: 4}")
    check.expect(way, (*restore, str(way.folder / "nowhere")), 1, "no savepoint in")
    check.expect(way, (*restore, directory, "--set", f"identity.key.secret=file:{ROOT / 'Makefile'}"), 1, "32 hex digits")
    other = way.folder / "other.key"
    other.write_text("00112233445566778899aabbccddeeff\n")
    check.expect(way, (*restore, directory, "--set", f"identity.key.secret=file:{other}"), 1, "another key")
    if (way.folder / "state").exists():
        sys.exit("a refusal left something")
    way.run(check.events)
    check.expect(way, (*restore, directory), 1, "the state directory is not empty", "`leadflow reset`")
    check.expect(way, ("savepoint", "create", PIPELINE, directory), 1, "is not empty: name a new directory")


def damaged(path, dice):
    """One bit, or the end. Of a key its digits: without the end of line, or in capitals, it is the same."""
    data = bytearray(path.read_bytes())
    if path.name == "identity.key":
        data[dice.randrange(32)] ^= 1
    elif dice.random() < 0.3:
        del data[dice.randrange(len(data)):]
    else:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.chmod(0o600)
    path.write_bytes(data)


def test_damage(check, directory, dice):
    way = check.way("damaged")
    copy = way.folder / "copy"
    files = [path.name for path in sorted(pathlib.Path(directory).iterdir()) if path.stat().st_size > 0]
    for name in files:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(directory, copy)
        damaged(copy / name, dice)
        got, said = check.leadflow(way, "savepoint", "restore", PIPELINE, str(copy))
        if got != 1 or name not in said:
            sys.exit(f"{name} was damaged: {got}\n{said}")
    for name, text in ((files[0], "No such file"), ("MANIFEST", "what was broken off has no manifest")):
        shutil.rmtree(copy)
        shutil.copytree(directory, copy)
        (copy / name).unlink()
        check.expect(way, ("savepoint", "restore", PIPELINE, str(copy)), 1, text)
    shutil.copy(pathlib.Path(directory) / "MANIFEST", copy)
    manifest = (copy / "MANIFEST").read_text()
    (copy / "MANIFEST").write_text(manifest.replace("savepoint 1", "savepoint 2"))
    check.expect(way, ("savepoint", "restore", PIPELINE, str(copy)), 1, "format 2", "another release")
    if (way.folder / "state").exists():
        sys.exit("a damaged savepoint left something")
    print(f"  refused damage of {len(files)} files")


def test_killed_restore(check, directory, expected, dice):
    """From its first file on, at any moment: it is refused, or whole."""
    seen, way = {"half": 0, "whole": 0}, None
    for number in range(10):
        way = check.way("broken-off")
        restoring, deadline = way.folder / "state/log.restoring", time.monotonic() + 120
        with subprocess.Popen([check.binary, "savepoint", "restore", PIPELINE, directory], env=way.environment(check.events),
                              stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and not restoring.exists() and time.monotonic() < deadline:
                pass
            time.sleep(dice.uniform(0, 0.005) * number)
            process.kill()
        state = way.folder / "state"
        if (state / "log").exists():
            seen["whole"] += 1
            continue
        seen["half"] += 1
        for words in (("run", PIPELINE, "--until-end"), ("verify", "--pipeline", PIPELINE)):
            check.expect(way, words, 1, HALF, "`leadflow reset`")
        check.expect(way, ("savepoint", "restore", PIPELINE, directory), 1, "`leadflow reset`")
        check.expect(way, ("reset", PIPELINE, "--yes"), 0)
        check.restore(way, directory)
    print(f"  killed restores: {seen}")
    if seen["half"] == 0:
        sys.exit("no restore was killed half-way")
    check.compare("restored after one that was killed", way.run(check.events), expected)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--leads", type=int, default=150)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        events = pathlib.Path(folder) / "events.jsonl"
        subprocess.run([sys.executable, ROOT / "examples/quickstart/generate.py", events, str(options.leads)], check=True,
                       stderr=subprocess.DEVNULL)
        lines = events.read_bytes().splitlines(keepends=True)
        check = Check(str(pathlib.Path(options.binary).resolve()), folder, events, b"".join(lines[:len(lines) // 2]))
        start = time.monotonic()
        expected = check.way("one").run(events)
        seconds = time.monotonic() - start
        print(f"{len(lines)} events, {len(expected)} rows, {seconds:.1f} s", flush=True)
        directory = test_halves(check, expected)
        test_killed_run(check, expected, dice)
        test_refusals(check, directory)
        test_damage(check, directory, dice)
        test_killed_restore(check, directory, expected, dice)
    sys.exit(bool(check.failed))


if __name__ == "__main__":
    main()

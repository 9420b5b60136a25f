"""`leadflow reset` without Kafka: shows, refuses while a process runs, removes; then a changed rule is computed from the beginning.

    reset.py LEADFLOW_BINARY
"""
import pathlib
import subprocess
import sys
import tempfile
import time

BINARY = str(pathlib.Path(sys.argv[1]).resolve())
EVENT = '{"id":"%d","kind":"page_view","time":"2026-03-0%dT09:00:00Z","anonymous_id":"c1"}\n'
PIPELINE = """version: 1
name: reset
sources:
  web: {file: {path: events.jsonl%s}, format: leadflow}
kpis:
  views: {count: page_view, window: %s}
outputs: [{file: {path: "out/{kpi}.csv"}}]
"""
DEADLINE_S = 120


def leadflow(folder, *words):
    done = subprocess.run([BINARY, *words], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def expect(folder, words, code, *texts):
    got, said = leadflow(folder, *words)
    if got != code or any(text not in said for text in texts):
        sys.exit(f"leadflow {' '.join(words)}: {got} instead of {code}\n{said}")


def write(folder, window, more=""):
    (folder / "pipeline.yaml").write_text(PIPELINE % (more, window))


def values(folder):
    return sorted(line.split(",")[4] for line in (folder / "out/views.csv").read_text().splitlines()[1:])


def test(folder):
    (folder / "events.jsonl").write_text("".join(EVENT % (day, day) for day in (1, 2, 2, 3)))
    run, reset = ("run", "pipeline.yaml", "--until-end", "--quiet"), ("reset", "pipeline.yaml")
    write(folder, "1d")
    expect(folder, reset, 1, "nothing", "Nothing was removed; --yes does it.")
    expect(folder, run, 0)
    days = values(folder)
    write(folder, "1mo")
    expect(folder, run, 1, "the rules changed since this state was written", "`leadflow reset`")
    expect(folder, reset, 1, "/stores", "/log", "Nothing was removed")
    expect(folder, (*reset, "--yes"), 0, "Removed.")
    expect(folder, run, 0)
    month = values(folder)
    if (days, month) == (["1", "1", "1"], ["3"]):
        return
    sys.exit(f"views of days {days}, of the month {month}")


def test_running(folder):
    (folder / "events.jsonl").write_text(EVENT % (1, 1))
    write(folder, "1d", ", follow: true")
    with subprocess.Popen([BINARY, "run", "pipeline.yaml", "--quiet"], cwd=folder, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + DEADLINE_S
        try:
            while not any(lock.read_text() == str(process.pid) for lock in folder.glob("**/LOCK")) and time.monotonic() < end:
                time.sleep(0.05)
            expect(folder, ("reset", "pipeline.yaml", "--yes"), 1, "error:", str(process.pid))
        finally:
            process.terminate()
    expect(folder, ("reset", "pipeline.yaml", "--yes"), 0)


if __name__ == "__main__":
    for one in (test, test_running):
        with tempfile.TemporaryDirectory() as temporary:
            one(pathlib.Path(temporary))
    print("reset shows, refuses and removes")

"""Does an event cost the same whatever its lead has behind it? The benchmark job with ever fewer leads for the same events.

    bench/flatness.py [EVENTS]

Prints CPU per event for 10, 100, 1,000 and 10,000 events a lead, as a ratio to the first.
"""
import os
import shutil
import sys

import run


def main():
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    folder = run.ROOT / "build/bench"
    folder.mkdir(parents=True, exist_ok=True)
    first = None
    for touches in (10, 100, 1_000, 10_000):
        class Options:
            dist = "uniform"
        Options.events, Options.leads = events, events // touches
        file, work = run.make_input(Options, folder), folder / "run"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        environment = dict(os.environ, EVENTS_FILE=str(file), STATE_DIR=str(work / "state"), OUT_DIR=str(work / "out"))
        _, cpu, resident, _ = run.measure([run.ROOT / "build/release/leadflow", "run", run.ROOT / "bench/b2b_journeys/pipeline.yaml",
                                           "--until-end", "--quiet"], environment)
        each = cpu / events * 1e6
        first = first or each
        print(f"{touches:6} events a lead: {each:.2f} us CPU per event, {each / first:.2f} x, {resident:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()

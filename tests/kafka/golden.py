"""The quick start and the benchmark job on a real broker, with one, two and three processes: the rows of one process without Kafka.

    golden.py LEADFLOW_BINARY BENCH_GENERATE_BINARY [--leads 3000] [--events 100000] [--brokers 1] [--version V]

Takes some minutes; `make golden-kafka`. The made-up year of tests/golden has a test of its own, pipeline.py.
"""
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "golden"))
import broker  # noqa: E402
from run import ROOT, rows_of  # noqa: E402

SECONDS_MAX = 600


class Pipeline:
    """`inputs`: variables of its file beside those that say where it writes."""

    def __init__(self, options, folder, name, file, inputs):
        self.options, self.folder, self.name, self.file, self.inputs = options, folder / name, name, file, inputs
        self.folder.mkdir()

    def start(self, out, state, *settings):
        folder = self.folder / out
        folder.mkdir(exist_ok=True)
        environment = dict(os.environ, OUT=str(folder), OUT_DIR=str(folder), **self.inputs)
        words = [word for setting in (f"engine.state_dir={self.folder / state}", *settings) for word in ("--set", setting)]
        return subprocess.Popen([self.options.binary, "run", self.file, "--until-end", "--quiet", *words], env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=broker.die_with_parent)

    def finish(self, processes):
        for process in processes:
            said, _ = process.communicate(timeout=SECONDS_MAX)
            if process.returncode != 0:
                sys.exit(f"{self.name}: a process ended with {process.returncode}\n{said.decode()[-3000:]}")

    def alone(self):
        self.finish([self.start("alone", "state")])
        return rows_of(self.folder / "alone")

    def shared(self, brokers, count):
        job = f"{self.name}-{count}"
        settings = [f"name={job}", "engine.log=kafka", f"kafka.brokers={brokers}", f"kafka.topics.replication={self.options.brokers}",
                    "kafka.session_timeout=2s", "engine.partitions=6"]
        out = f"shared-{count}"
        self.finish([self.start(out, f"state-{count}-{i}", *settings) for i in range(count)])
        # Another one, that has nothing but what they left in the topics, writes the files.
        for file in (self.folder / out).glob("*.csv"):
            file.unlink()
        self.finish([self.start(out, f"state-{count}-reader", *settings)])
        return rows_of(self.folder / out)


def test(options, folder, kafka):
    year = folder / "year.jsonl"
    subprocess.run([sys.executable, ROOT / "examples/quickstart/generate.py", year, str(options.leads)], check=True, stderr=subprocess.DEVNULL)
    events = folder / "events.jsonl"
    with open(events, "wb") as out:
        subprocess.run([options.generate, "--events", str(options.events), "--leads", str(options.events // 15)], stdout=out, check=True)
    pipelines = [Pipeline(options, folder, "quickstart", ROOT / "examples/quickstart/pipeline.yaml", {}),
                 Pipeline(options, folder, "b2b-journeys", ROOT / "bench/b2b_journeys/pipeline.yaml", {"EVENTS_FILE": str(events)})]
    failed = 0
    for pipeline in pipelines:
        if pipeline.name == "quickstart":
            for out in ("alone", "shared-1", "shared-2", "shared-3"):
                (pipeline.folder / out).mkdir()
                os.link(year, pipeline.folder / out / "year.jsonl")
        expected = pipeline.alone()
        print(f"{pipeline.name}: {len(expected)} rows that are not zero", flush=True)
        for count in (1, 2, 3):
            start = time.monotonic()
            different = sorted(set(pipeline.shared(kafka.variables["LEADFLOW_KAFKA"], count).items()) ^ set(expected.items()), key=str)
            failed += bool(different) or not expected
            print(f"  {'DIFFERS' if different else 'equal  '} {count} processes, {time.monotonic() - start:.1f} s"
                  + "".join(f"\n      {d}" for d in different[:6]), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(broker.run_test(__doc__, test, ("binary", "generate"), leads=3000, events=100000))

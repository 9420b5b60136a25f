"""Where the time of the benchmark job goes, by part of the engine: shares of all samples of the process, by perf.

    bench/profile.py [--events 3000000] [--dist uniform|zipf]

Needs `perf` (Debian: linux-perf). Builds into build/profile with frame pointers. A part counts what is called by it; parts of one
indent do not overlap.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys

import run

BUILD = run.ROOT / "build/profile"
PARTS = [
    ("stream thread", "leadflow::Runtime::ThreadMain"),
    ("  read, parse, map, hash identifiers", "leadflow::StreamThread::ReadSources"),
    ("  journeys", "leadflow::JourneysOperator::Process"),
    ("    find the leads of a batch", "leadflow::NodeStore::GetAll"),
    ("    apply events and orders, make facts", "leadflow::Protocol::Handle"),
    ("    encode and stage what changed", "leadflow::NodeStore::Write"),
    ("  kpis: sum facts", "leadflow::KpiOperator::Process"),
    ("  commit", "leadflow::StreamThread::Commit"),
    ("    prepare the stages", "leadflow::StreamThread::PrepareAll"),
    ("    fill the transaction", "leadflow::StreamThread::FillTransaction"),
    ("    write and sync the log", "leadflow::journal::Journal::Commit"),
    ("    clean the log", "leadflow::journal::Journal::Clean"),
    ("    apply to the stores", "leadflow::StreamThread::ForEachTask<leadflow::StreamThread::ApplyAll"),
    ("spill to RocksDB (own thread)", "RocksStore::WriteSpilled"),
    ("write the rows", "leadflow::RowWriter::Write"),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=3_000_000)
    parser.add_argument("--leads", type=int, default=200_000)
    parser.add_argument("--dist", default="uniform", choices=["uniform", "zipf"])
    options = parser.parse_args()
    if shutil.which("perf") is None:
        sys.exit("perf is missing: apt-get install linux-perf")
    for command in (["cmake", "-S", run.ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                     "-DCMAKE_CXX_FLAGS=-fno-omit-frame-pointer"], ["cmake", "--build", BUILD, "--target", "leadflow"]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    folder = run.ROOT / "build/bench"
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / "profile"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    environment = dict(os.environ, EVENTS_FILE=str(run.make_input(options, folder)), STATE_DIR=str(work / "state"),
                       OUT_DIR=str(work / "out"))
    data = work / "perf.data"
    subprocess.run(["perf", "record", "-q", "-o", data, "-F", "499", "--call-graph", "fp", BUILD / "leadflow", "run",
                    run.ROOT / "bench/b2b_journeys/pipeline.yaml", "--until-end", "--quiet"], env=environment, check=True)

    def report(*arguments):
        return subprocess.run(["perf", "report", "-i", data, "-g", "none", *arguments], capture_output=True, text=True,
                              check=True).stdout

    shares = {}
    for line in report("--children", "--sort", "sym").splitlines():
        if found := re.match(r"\s+([\d.]+)%\s+[\d.]+%\s+\[.\] (.*)", line):
            shares[found[2]] = max(float(found[1]), shares.get(found[2], 0))
    for name, symbol in PARTS:
        share = max((value for known, value in shares.items() if symbol in known), default=0)
        print(f"{share:5.1f} %  {name}")
    for line in report("--no-children", "--sort", "comm").splitlines():
        if found := re.match(r"\s+([\d.]+)%\s+(rocksdb:\S+)", line):
            print(f"{float(found[1]):5.1f} %  RocksDB in the background, thread {found[2]}")


if __name__ == "__main__":
    main()

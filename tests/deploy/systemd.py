"""The systemd unit has no mistakes, and exposes little.

    systemd.py UNIT BINARY

`systemd-analyze verify` only warns of unknown keys: any output is a failure. Ends with 77 where there is no systemd-analyze.
"""
import pathlib
import subprocess
import sys
import tempfile

from tools import need

EXPOSURE_MAX = 20  # of 100, as `systemd-analyze security` counts


def answer(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip()


def main():
    need("systemd-analyze")
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder) / "leadflow@test.service"
        unit.write_text(text.replace("/usr/bin/leadflow", str(pathlib.Path(sys.argv[2]).resolve()))
                        .replace("Documentation=man:leadflow(1)\n", ""), encoding="utf-8")
        code, out = answer("systemd-analyze", "verify", "--man=no", str(unit))
        lines = [line for line in out.splitlines() if "leadflow@test" in line]
        if code != 0 or lines:
            sys.exit(f"verify ended with {code}:\n{out}")
        code, out = answer("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(unit))
        print(out.splitlines()[-1])
        if code != 0:
            sys.exit(out)


if __name__ == "__main__":
    main()

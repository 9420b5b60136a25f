"""What the tests of deploy/ share."""
import shutil
import subprocess
import sys

SKIPPED = 77


def need(*programs):
    """Ends the test as skipped if one of them is not there."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        print(f"skipped: no {', '.join(missing)}")
        sys.exit(SKIPPED)


def run(*command, cwd=None, environment=None, fails=False):
    """What the command prints; ends the test if it fails, or does not although it should."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=cwd, env=environment)
    if (done.returncode != 0) != fails:
        sys.exit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def expect(condition, what):
    if not condition:
        sys.exit(what)

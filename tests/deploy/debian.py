"""The Debian package: what is in it, that its program runs, and what lintian says.

    debian.py BUILD_FOLDER SOURCE_FOLDER

Ends with 77 where dpkg-deb, dpkg-shlibdeps or lintian is missing.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FILES = ["etc/leadflow/pipeline.yaml", "usr/bin/leadflow", "usr/lib/systemd/system/leadflow@.service",
         "usr/share/doc/leadflow/changelog.Debian.gz", "usr/share/doc/leadflow/changelog.gz", "usr/share/doc/leadflow/copyright", "usr/share/man/man1/leadflow.1.gz"]
# There is no archive that this goes to, so no bug that it closes and no address of an uploader.
OVERRIDDEN = "initial-upload-closes-no-bugs,bogus-mail-host,bogus-mail-host-in-debian-changelog,mail-address-loops-or-bounces"


def run(*command, cwd=None):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=cwd)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def main():
    build, source = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
    missing = [tool for tool in ("dpkg-deb", "dpkg-shlibdeps", "lintian") if not shutil.which(tool)]
    if missing:
        print(f"skipped: no {', '.join(missing)}")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run("cpack", "--config", build / "CPackConfig.cmake", "-B", folder, cwd=build)
        package = next(folder.glob("*.deb"))
        run("dpkg-deb", "-x", package, folder / "root")
        root = folder / "root"
        files = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        if files != FILES:
            sys.exit(f"in the package: {files}")
        if run("dpkg-deb", "-I", package, "conffiles").split() != ["/etc/leadflow/pipeline.yaml"]:
            sys.exit("the pipeline is no conffile")
        depends = run("dpkg-deb", "-f", package, "Depends")
        for library in ("librocksdb", "librdkafka", "libc6"):
            if library not in depends:
                sys.exit(f"does not depend on {library}: {depends}")
        binary = root / "usr/bin/leadflow"
        run(binary, "validate", root / "etc/leadflow/pipeline.yaml")
        commands = re.findall(r"^  ([a-z]+)  ", run(binary, "--help").split("Subcommands:")[1], re.M)
        page = (source / "deploy/debian/leadflow.1").read_text(encoding="utf-8")
        undocumented = [c for c in commands if not re.search(rf"^\.BI?R? {c}\b", page, re.M)]
        if undocumented or not commands:
            sys.exit(f"the man page does not name {undocumented}")
        print(run("lintian", "--fail-on", "error,warning", "--suppress-tags", OVERRIDDEN, package))
        print(f"{package.name}: {package.stat().st_size} bytes")


if __name__ == "__main__":
    main()

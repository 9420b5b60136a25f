"""The services of deploy/compose: by the Compose specification, pinned, reached on loopback only, and all files there.

    compose.py FOLDER BINARY

Ends with 77 where check-jsonschema (PyPI), which brings the specification, or PyYAML is missing.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

from tools import SKIPPED, expect, need, run


def main():
    try:
        import yaml
    except ImportError:
        print("skipped: no PyYAML")
        sys.exit(SKIPPED)
    folder, binary = pathlib.Path(sys.argv[1]), sys.argv[2]
    services = yaml.safe_load((folder / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for name, service in services.items():
        expect("build" in service or re.search(r":\d+\.\d+\.\d+$", service["image"]), f"{name}: its image has no version")
        for port in service.get("ports", []):
            expect(port.startswith("127.0.0.1:"), f"{name}: port {port} is reached from elsewhere")
        for volume in service.get("volumes", []):
            if volume.startswith("."):
                expect((folder / volume.split(":")[0]).is_file() and volume.endswith(":ro"), f"{name}: {volume}")
        for needed in service.get("depends_on", {}):
            expect(needed in services, f"{name} needs {needed}")
    build = services["leadflow"]["build"]
    expect((folder / build["context"] / build["dockerfile"]).is_file(), "there is no Dockerfile")
    run(binary, "validate", folder / "pipeline.yaml")
    for words in ([], ["3", "0", "7"]):
        events = subprocess.Popen(["sh", folder / "events.sh", *words], stdout=subprocess.PIPE, text=True)
        for line in [events.stdout.readline() for _ in range(3)]:
            expect({"id", "kind", "time"} <= set(json.loads(line)), line)
        events.terminate()
    need("check-jsonschema")
    print(run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", folder / "compose.yaml", environment=dict(os.environ)), end="")


if __name__ == "__main__":
    main()

"""The chart: lint, what it renders, what its schema refuses, and the program started as the pod starts it. The plain manifests are what
it renders; LEADFLOW_UPDATE_GOLDEN=1 writes them anew.

    helm.py CHART BINARY MANIFESTS

Ends with 77 where helm or PyYAML is missing.
"""
import json
import os
import pathlib
import sys
import tempfile

from tools import SKIPPED, expect, need, run

PIPELINE = """version: 1
name: chart
sources:
  events: {file: {path: EVENTS}, format: leadflow}
outputs:
  - file: {path: "${STATE_DIRECTORY}/out/{kpi}.csv"}
"""


def start_as_the_pod_does(binary, folder, pod):
    """With the paths and the address of this machine instead of those of the pod."""
    (folder / "events.jsonl").write_text("", encoding="utf-8")
    (folder / "tokens").write_text("0123456789abcdef", encoding="utf-8")
    places = {"/etc/leadflow/pipeline.yaml": str(folder / "etc/pipeline.yaml"), "/var/lib/leadflow": str(folder / "var"),
              "/etc/leadflow-tokens/tokens": str(folder / "tokens"), "0.0.0.0:8080": "0.0.0.0:0"}
    words = []
    for word in pod["containers"][0]["args"]:
        for there, here in places.items():
            word = word.replace(there, here)
        words.append(word)
    given = {variable["name"]: variable["valueFrom"]["fieldRef"]["fieldPath"] for variable in pod["containers"][0]["env"]}
    expect(given == {"LEADFLOW_MEMBER": "metadata.name"}, f"the member is not called as its pod: {given}")
    run(binary, *words, "--until-end", environment=dict(os.environ, STATE_DIRECTORY=str(folder / "var"), LEADFLOW_MEMBER="shop-leadflow-0"))
    expect((folder / "var/state").is_dir(), "the state is not in the volume")
    expect([p.name for p in (folder / "etc").iterdir()] == ["pipeline.yaml"], "it writes beside the pipeline, which a pod cannot")


def check_manifests(yaml, chart, binary, manifests):
    """What the chart renders of the pipeline beside them."""
    file, pipeline = manifests / "leadflow.yaml", manifests / "pipeline.yaml"
    run(binary, "validate", "--no-env", pipeline)
    rendered = run("helm", "template", "leadflow", chart, "--set-file", f"pipeline={pipeline}", "--set",
                   "tokensSecret=leadflow-tokens,environmentSecret=leadflow-environment,replicas=3")
    rendered = "".join(line for line in rendered.splitlines(keepends=True) if "managed-by" not in line)
    if os.environ.get("LEADFLOW_UPDATE_GOLDEN"):
        head = "# What the chart of deploy/helm renders of pipeline.yaml, for those who use no Helm; see README.md.\n"
        file.write_text(head + rendered, encoding="utf-8")
    there, wanted = ([document for document in yaml.safe_load_all(text) if document] for text in (file.read_text(encoding="utf-8"), rendered))
    expect(there == wanted, f"{file} is not what the chart renders; LEADFLOW_UPDATE_GOLDEN=1 writes it anew")


def main():
    try:
        import yaml
    except ImportError:
        yaml = None
    if yaml is None:
        print("skipped: no PyYAML")
        sys.exit(SKIPPED)
    need("helm")
    chart, binary = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "etc").mkdir()
        (folder / "etc/pipeline.yaml").write_text(PIPELINE.replace("EVENTS", str(folder / "events.jsonl")), encoding="utf-8")
        values = ["--set-file", f"pipeline={folder / 'etc/pipeline.yaml'}", "--set", "tokensSecret=t"]
        run("helm", "lint", "--strict", chart, *values)
        for wrong in (["--set", "tokensSecret="], ["--set", "replicas=0"], ["--set", "replica=2"], ["--set", "engineMemory=1"]):
            run("helm", "template", "x", chart, *values, *wrong, fails=True)
        text = run("helm", "template", "shop", chart, *values, "--set", "serviceMonitor.enabled=true,replicas=3,environmentSecret=e")
        by_kind = {document["kind"]: document for document in yaml.safe_load_all(text) if document}
        kinds = {"ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceMonitor", "StatefulSet"}
        expect(set(by_kind) == kinds, f"rendered {sorted(by_kind)}")
        pod = by_kind["StatefulSet"]["spec"]["template"]["spec"]
        labels = by_kind["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
        for kind, selector in (("Service", by_kind["Service"]["spec"]["selector"]),
                               ("PodDisruptionBudget", by_kind["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]),
                               ("NetworkPolicy", by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"])):
            expect(selector.items() <= labels.items(), f"{kind} selects other pods: {selector}")
        container = pod["containers"][0]
        expect(container["livenessProbe"]["httpGet"]["path"] == "/livez" and
               container["readinessProbe"]["httpGet"]["path"] == "/readyz", "probes")
        expect(pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"], "not confined")
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        there = {v["name"] for v in pod["volumes"]} | {v["metadata"]["name"] for v in by_kind["StatefulSet"]["spec"]["volumeClaimTemplates"]}
        expect(mounted == there, f"mounted {mounted}, there are {there}")
        expect(by_kind["ConfigMap"]["data"]["pipeline.yaml"] == (folder / "etc/pipeline.yaml").read_text(encoding="utf-8"), "another pipeline")
        start_as_the_pod_does(binary, folder, pod)
        check_manifests(yaml, chart, binary, pathlib.Path(sys.argv[3]))
        print(json.dumps(sorted(by_kind)))


if __name__ == "__main__":
    main()

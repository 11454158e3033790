"""One task over many nodes, against a bare loop over the same Jobs and the same client."""
import json
import os
import subprocess
import time

import report
import stack

NODES = int(os.environ.get("NODES", "10000"))
WINDOW = 500
LOOP = os.environ["LONGSHORE_LOOP"]
BODY = {"images": ["nginx:1.27"], "batchSize": WINDOW, "checks": [], "pullPolicy": "Always"}


def example(own):
    """A Job as the executor makes it, caught while it runs."""
    own.simulator("POST", "nodes/node-1/speed", {"latencyMilliseconds": 20_000})
    task = own.submit({**BODY, "nodes": {"names": ["node-1"]}})
    kubectl = ["kubectl", "--kubeconfig", own.kubeconfig, "-n", "longshore", "get", "jobs", "-o", "json"]

    def job():
        items = json.loads(subprocess.run(kubectl, check=True, capture_output=True, text=True).stdout)["items"]
        return items[0] if items else None

    found = stack.wait("a Job", job)
    own.simulator("POST", "nodes/node-1/speed", {})
    own.request("DELETE", f"/v1/tasks/{task}")
    own.wait_for_end(task)
    for key in ("ownerReferences", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
        found["metadata"].pop(key, None)
    # What the server has filled in: it does so again.
    found["spec"].pop("selector", None)
    for place in (found["metadata"], found["spec"]["template"]["metadata"]):
        for label in list(place.get("labels", {})):
            if label in ("controller-uid", "job-name") or label.startswith("batch.kubernetes.io/"):
                del place["labels"][label]
        place.get("labels", {}).pop("longshore.dev/task", None)
    found.pop("status", None)
    path = own.folder / "job.json"
    path.write_text(json.dumps(found))
    return path


def writes(own, since):
    """The calls of the executor that change something."""
    records = own.simulator("GET", f"audit?after={since}")["items"]
    changing = ("create", "update", "patch", "delete", "deletecollection")
    return [r for r in records if r["userAgent"] == "longshore-executor" and r["verb"] in changing]


def last(own):
    items = own.simulator("GET", "audit?after=0")["items"]
    return items[-1]["sequence"] if items else 0


def run():
    table = report.Table("fleet", f"Fleet: one task over {NODES:,} nodes, window {WINDOW}, instant pulls, against a bare loop over the same Jobs")
    with stack.Stack(nodes=NODES, services=("intake", "executor")) as own:
        job = example(own)
        peaks, rates = [], []

        def subject():
            begin = time.monotonic()
            task = own.wait_for_end(own.submit(BODY), 900)
            if task["status"] != "succeeded":
                raise RuntimeError(f"the task ended as {task['status']}: {task}")
            # The last Jobs are removed while the end is told; the loop removes all of its own, too.
            own.wait_for_no_jobs()
            rate = NODES / (time.monotonic() - begin)
            peaks.append(own.members["executor-1"][0].memory("VmHWM"))
            return rate

        def limit():
            done = subprocess.run(
                [LOOP, "--kubeconfig", own.kubeconfig, "--job", job, "--nodes", str(NODES), "--window", str(WINDOW)],
                check=True, capture_output=True, text=True,
            )
            figures = json.loads(done.stdout)
            return figures["jobs"] / figures["seconds"]

        table.compare("Jobs", "/s", report.in_turns(subject, limit, rounds=3), 0.8)
        table.figure("executor: peak memory", "MiB", [max(peaks)], 150)
        # The log of calls is bounded; a task over fewer nodes shows the same.
        few = min(NODES, 2_000)
        begin = last(own)
        own.wait_for_end(own.submit({**BODY, "nodes": {"names": [f"node-{n}" for n in range(1, few + 1)]}}), 600)
        own.wait_for_no_jobs()
        rates.append(len(writes(own, begin)) / few)
        table.figure("executor: API writes for each node", "", rates, 3)
    table.finish()

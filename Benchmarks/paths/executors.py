"""Many tasks on one executor and on two."""
import os
import time

import report
import stack

TASKS, NODES = int(os.environ.get("TASKS", "200")), 50
LATENCY = 500


def measure(executors):
    """Seconds for all tasks; pulls take a moment, so that the machine is not the bottleneck."""
    arguments = ["--maximum-tasks", "20"]
    with stack.Stack(nodes=NODES, services=("intake", *["executor"] * executors), executor_arguments=arguments) as own:
        for node in range(1, NODES + 1):
            own.simulator("POST", f"nodes/node-{node}/speed", {"latencyMilliseconds": LATENCY})
        body = {"images": ["nginx:1.27"], "batchSize": 10, "checks": [], "pullPolicy": "Always"}
        begin = time.monotonic()
        tasks = [own.submit(body) for _ in range(TASKS)]
        for task in tasks:
            if own.wait_for_end(task, 900)["status"] != "succeeded":
                raise RuntimeError(f"{task} failed")
        return TASKS / (time.monotonic() - begin)


def run():
    table = report.Table("executors", f"Many tasks: {TASKS} × {NODES} nodes, pulls of {LATENCY} ms, on two executors against one")
    table.compare("tasks", "/s", report.in_turns(lambda: measure(2), lambda: measure(1), rounds=2), 1.7)
    table.finish()

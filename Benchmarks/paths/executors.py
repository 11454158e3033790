"""Many tasks on one executor and on two."""
import os
import random
import time

import report
import stack

TASKS, NODES = int(os.environ.get("TASKS", "200")), 50
# A node pulls one image after the other: with many more nodes than Jobs at once (80 with two executors), tasks do not wait for each
# other's pulls, and it is the number of tasks that an executor carries out at once that bounds one executor.
CLUSTER = 1_000
AT_ONCE = 4
LATENCY = 200


def measure(executors):
    """Seconds for all tasks; pulls take a moment, so that the machine is not the bottleneck."""
    arguments = ["--maximum-tasks", AT_ONCE]
    choice = random.Random(1)
    with stack.Stack(nodes=CLUSTER, services=("intake", *["executor"] * executors), executor_arguments=arguments) as own:
        for node in range(1, CLUSTER + 1):
            own.simulator("POST", f"nodes/node-{node}/speed", {"latencyMilliseconds": LATENCY})
        bodies = [
            {"images": ["nginx:1.27"], "batchSize": 10, "checks": [], "pullPolicy": "Always",
             "nodes": {"names": [f"node-{n}" for n in choice.sample(range(1, CLUSTER + 1), NODES)]}}
            for _ in range(TASKS)
        ]
        begin = time.monotonic()
        tasks = [own.submit(body) for body in bodies]
        for task in tasks:
            if own.wait_for_end(task, 900)["status"] != "succeeded":
                raise RuntimeError(f"{task} failed")
        return TASKS / (time.monotonic() - begin)


def run():
    table = report.Table("executors", f"Many tasks: {TASKS} × {NODES} nodes, pulls of {LATENCY} ms, on two executors against one")
    table.compare("tasks", "/s", report.in_turns(lambda: measure(2), lambda: measure(1), rounds=2), 1.7)
    table.finish()

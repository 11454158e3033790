"""What a task costs as its nodes and its images grow: memory, API calls, rows, messages and bytes."""
import json
import os

from confluent_kafka import Consumer

import report
import stack

NODES = [int(n) for n in os.environ.get("GROWTH_NODES", "10,100,1000,5000").split(",")]
IMAGES = [1, 5, 20, 50]


def events(own, consumer, task):
    """The number and the bytes of a task's events."""
    count = size = quiet = 0
    while quiet < 3:
        message = consumer.poll(1)
        if message is None or message.error():
            quiet += 1
            continue
        if (message.key() or b"").decode() == task:
            count += 1
            size += len(message.value() or b"") + sum(len(n) + len(v or b"") for n, v in message.headers() or [])
    return count, size


def measure(own, consumer, nodes, images):
    audit = own.simulator("GET", "audit?after=0")["items"]
    mark = audit[-1]["sequence"] if audit else 0
    body = {
        "images": [f"registry.example.com/app-{n}:1" for n in range(images)], "nodes": {"names": [f"node-{n + 1}" for n in range(nodes)]},
        "batchSize": min(nodes, 500), "checks": [], "pullPolicy": "Always",
    }
    task = own.submit(body)
    end = own.wait_for_end(task, 600)
    if end["status"] != "succeeded":
        raise RuntimeError(f"the task ended as {end['status']}")
    calls = [r for r in own.simulator("GET", f"audit?after={mark}")["items"] if r["userAgent"] == "longshore-executor"]
    count, size = events(own, consumer, task)
    return {
        "API writes": sum(r["verb"] in ("create", "update", "patch", "delete") and r["resource"] != "leases" for r in calls),
        "messages": count, "message bytes": size,
        "rows": int(own.sql(f"SELECT (SELECT count(*) FROM longshore.task_nodes WHERE task_id = '{task}') + (SELECT count(*) FROM longshore.task_events WHERE task_id = '{task}') + 1")),
        "executor's memory, MiB": own.members["executor-1"][0].memory(),
    }


def line(points):
    """The line through the first and the last point: what there is without nodes, and what each adds."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    slope = (y1 - y0) / (x1 - x0)
    return y0 - slope * x0, slope


def run():
    table = report.Table("growth", "Growth: what one task costs")
    found = {"nodes": [], "images": []}
    with stack.Stack(nodes=max(NODES), services=("intake", "executor")) as own:
        consumer = Consumer({"bootstrap.servers": own.kafka, "group.id": "bench", "auto.offset.reset": "latest"})
        consumer.subscribe(["longshore.events"])
        stack.wait("the group", lambda: consumer.poll(0.1) is None and consumer.assignment())
        measure(own, consumer, 10, 1)
        for nodes in NODES:
            found["nodes"].append((nodes, measure(own, consumer, nodes, 1)))
        for images in IMAGES:
            found["images"].append((images, measure(own, consumer, 100, images)))
        consumer.close()
    for what in found["nodes"][0][1]:
        base, slope = line([(n, m[what]) for n, m in found["nodes"]])
        # Linear: no point lies above the line by more than a tenth.
        worst = max(m[what] / max(base + slope * n, 1) for n, m in found["nodes"])
        table.note(f"{what}: for a task", "", base)
        table.note(f"{what}: for each node", "", slope)
        table.figure(f"{what}: highest above the line", "×", [worst], 1.1)
    for what in ("API writes", "messages", "rows"):
        values = [m[what] for _, m in found["images"]]
        table.figure(f"{what}: fifty images against one, 100 nodes", "×", [values[-1] / values[0]], 1.1)
    table.finish()
    (report.RESULTS / "growth-points.json").write_text(json.dumps(found, indent=2) + "\n")

"""Events folded into the read model, against COPY of the same rows."""
import json
import os
import subprocess
import time

import report
import stack

TASKS = int(os.environ.get("TASKS", "40"))
NODES = 250


def dump(own, table):
    path = own.folder / f"{table}.copy"
    done = subprocess.run(
        [stack.POSTGRES / "psql", "-XAtq", own.postgres_url, "-c", f"COPY (SELECT * FROM longshore.{table}) TO STDOUT"], check=True, capture_output=True,
    )
    path.write_bytes(done.stdout)
    return path


def copy(own, tables):
    """Seconds to write the same rows with COPY, in one transaction, with the same indexes."""
    script = own.folder / "copy.sql"
    own.sql("TRUNCATE longshore.tasks, longshore.task_nodes, longshore.task_events")
    script.write_text("BEGIN;\n" + "".join(f"\\copy longshore.{t} FROM '{own.folder / (t + '.copy')}'\n" for t in tables) + "COMMIT;\n")
    begin = time.monotonic()
    subprocess.run([stack.POSTGRES / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", own.postgres_url, "-f", script], check=True, capture_output=True)
    return time.monotonic() - begin


def rebuild(own, events):
    """Seconds to fold all topics again."""
    own.members["intake-0"][0].stop()
    subprocess.run(
        [stack.BINARY, "rebuild", "--discard", "true", "--postgres-url-file", own.folder / "postgres-url"], check=True, capture_output=True,
    )
    own.start("intake", "intake-0")
    own.wait_until_ready("intake-0")
    return stack.rate("the events", lambda: int(own.sql("SELECT count(*) FROM longshore.task_events")), events)


def run():
    table = report.Table("projector", f"Projector: events of {TASKS} tasks × {NODES} nodes folded, against COPY of the rows that come of them")
    with stack.Stack(nodes=NODES, services=("intake", "executor"), partitions=12) as own:
        body = {"images": ["nginx:1.27"], "batchSize": 100, "checks": [], "pullPolicy": "Always"}
        for task in [own.submit(body) for _ in range(TASKS)]:
            own.wait_for_end(task, 600)
        time.sleep(3)
        events = int(own.sql("SELECT count(*) FROM longshore.task_events"))
        tables = ("tasks", "task_nodes", "task_events")
        for name in tables:
            dump(own, name)

        def limit():
            own.members["intake-0"][0].stop()
            return events / copy(own, tables)

        table.note("events", "", events)
        table.compare("events", "/s", report.in_turns(lambda: rebuild(own, events), limit), 0.3)
    table.finish()

"""Process start to ready, with the dependencies up."""
import time

import report
import stack


def run():
    table = report.Table("start", "Start: from the process's start to ready, dependencies up")
    with stack.Stack(services=("intake", "executor", "notifier")) as own:
        for name in ("intake-0", "executor-1", "notifier-2"):
            service, times = name.split("-")[0], []
            for _ in range(report.ROUNDS):
                own.members[name][0].stop()
                begin = time.monotonic()
                own.start(service, name)
                stack.wait(f"{name} to be ready", lambda: own.is_ready(name))
                times.append(time.monotonic() - begin)
            table.figure(service, "s", times, 1)
    table.finish()

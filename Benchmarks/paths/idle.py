"""What each service costs with nothing to do."""
import time

import report
import stack


def run():
    table = report.Table("idle", "Idle: processor and resident memory of each service with nothing to do")
    with stack.Stack(services=("intake", "executor", "notifier"), nodes=10) as own:
        # Consumers have joined their groups and caches are filled after a while.
        time.sleep(10)
        for name, (process, _) in own.members.items():
            before, begin = process.cpu(), time.monotonic()
            time.sleep(report.SECONDS * 3)
            share = (process.cpu() - before) / (time.monotonic() - begin) * 100
            table.figure(f"{name.split('-')[0]}: processor", "% of a core", [share], 1)
            table.figure(f"{name.split('-')[0]}: memory", "MiB", [process.memory()], 60)
    table.finish()

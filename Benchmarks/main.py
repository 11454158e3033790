"""Runs the benchmarks that are named, or all of them; ends with 1 when one of them could not be measured."""
import importlib
import pathlib
import sys
import traceback

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here))
ORDER = ["start", "idle", "intake", "requests", "fleet", "executors", "projector", "notify", "latency", "growth"]


def main():
    names = sys.argv[1:] or ORDER
    unknown = [name for name in names if name not in ORDER]
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(ORDER)}")
    failed = []
    for name in names:
        try:
            importlib.import_module(f"paths.{name}").run()
        except Exception:
            traceback.print_exc()
            failed.append(name)
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


main()

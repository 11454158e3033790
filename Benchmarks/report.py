"""Interleaved rounds of a subject and its limit, and the table of their ratios."""
import json
import os
import pathlib
import statistics

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS_EACH", "5"))
RESULTS = pathlib.Path(os.environ.get("RESULTS", ".build/benchmarks"))


def in_turns(subject, limit, rounds=None):
    """Runs both in turns, so that what disturbs the machine disturbs both; returns a list of (subject, limit)."""
    pairs = []
    for number in range(rounds or ROUNDS):
        if number % 2 == 0:
            measured = subject()
            bound = limit()
        else:
            bound = limit()
            measured = subject()
        pairs.append((measured, bound))
    return pairs


def spread(values):
    values = sorted(values)
    return {"median": statistics.median(values), "lowest": values[0], "highest": values[-1]}


def ratio(pairs):
    """The ratio of each round, which is what does not depend on the machine."""
    return spread([subject / limit for subject, limit in pairs if limit])


class Table:
    """One path's figures."""

    def __init__(self, path, title):
        self.path, self.title, self.rows = path, title, []

    def compare(self, what, unit, pairs, goal, at_most=False):
        """Adds a line: the medians, the ratio with its spread, and whether the goal holds."""
        figures = ratio(pairs)
        holds = figures["median"] <= goal if at_most else figures["median"] >= goal
        self.rows.append({
            "what": what, "unit": unit, "goal": f"{'≤' if at_most else '≥'} {goal}", "holds": holds,
            "measured": spread([a for a, _ in pairs]), "limit": spread([b for _, b in pairs]), "ratio": figures,
        })

    def figure(self, what, unit, values, goal, at_most=True):
        """Adds a line of a figure that has a bound of its own."""
        figures = spread(values)
        holds = figures["median"] <= goal if at_most else figures["median"] >= goal
        self.rows.append({"what": what, "unit": unit, "goal": f"{'≤' if at_most else '≥'} {goal}", "holds": holds, "measured": figures})

    def note(self, what, unit, value):
        """Adds a line without a goal."""
        self.rows.append({"what": what, "unit": unit, "goal": "", "holds": True, "measured": spread([value])})

    def finish(self):
        """Prints the table and writes it down."""
        print(f"\n{self.title}")
        head = ("", "measured", "limit", "ratio (lowest to highest)", "goal", "")
        lines = [head]
        for row in self.rows:
            limit, figures = row.get("limit"), row.get("ratio")
            lines.append((
                row["what"], f"{short(row['measured']['median'])} {row['unit']}",
                f"{short(limit['median'])} {row['unit']}" if limit else "",
                f"{figures['median']:.2f} ({figures['lowest']:.2f} to {figures['highest']:.2f})" if figures
                else f"{short(row['measured']['lowest'])} to {short(row['measured']['highest'])}",
                row["goal"], "" if row["holds"] else "✗",
            ))
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        for line in lines:
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip(), flush=True)
        RESULTS.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"path": self.path, "title": self.title, "rows": self.rows}, indent=2, ensure_ascii=False)
        (RESULTS / f"{self.path}.json").write_text(text + "\n")


def short(number):
    """A number with three digits that mean something."""
    if number == 0:
        return "0"
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"

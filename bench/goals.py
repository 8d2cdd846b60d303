"""What a row has found: lines of figures, and the goals that they are held against."""

import dataclasses

# (name in a sample, heading, width, digits)
COLUMNS = [
    ("rate", "per s", 10, 0), ("p50_us", "p50 us", 9, 0), ("p99_us", "p99 us", 9, 0),
    ("front_cpu_us", "CPU nginx", 11, 1), ("program_cpu_us", "CPU program", 13, 1), ("cpu_us", "CPU both", 10, 1),
]


@dataclasses.dataclass
class Goal:
    what: str
    value: float
    limit: float
    at_least: bool  # else at most
    unit: str = ""

    @property
    def is_met(self):
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def text(self):
        bound = "at least" if self.at_least else "at most"
        return (f"{self.what:<52} {self.value:>10,.2f}{self.unit:<8} {bound:>8} {self.limit:,.2f}{self.unit:<8}"
                f" {'met' if self.is_met else 'MISSED'}")


class Row:
    def __init__(self, title):
        self.title = title
        self.samples = {}
        self.notes = []
        self.goals = []

    def add(self, name, sample):
        self.samples[name] = sample

    def note(self, text):
        self.notes.append(text)

    def at_least(self, what, value, limit, unit=""):
        self.goals.append(Goal(what, value, limit, True, unit))

    def at_most(self, what, value, limit, unit=""):
        self.goals.append(Goal(what, value, limit, False, unit))

    def as_json(self):
        return {"title": self.title, "samples": self.samples, "notes": self.notes,
                "goals": [{**dataclasses.asdict(goal), "met": goal.is_met} for goal in self.goals]}

    def text(self):
        lines = [self.title]
        if self.samples:
            lines.append(" " * 24 + "".join(f"{heading:>{width}}" for _, heading, width, _ in COLUMNS))
        for name, sample in self.samples.items():
            lines.append(f"  {name:<22}" + "".join(
                f"{sample[key]:>{width},.{digits}f}" if key in sample else " " * (width - 1) + "-"
                for key, _, width, digits in COLUMNS))
        lines += [f"  {note}" for note in self.notes]
        lines += [f"  {goal.text()}" for goal in self.goals]
        return "\n".join(lines) + "\n"

"""What the hot parts may cost: thresholds.json, a part a line.

`instructions` and `allocations` are what was measured when the bounds were set; `most_…` are the bounds.
"""

import json
import math
import platform
from pathlib import Path

FILE = Path(__file__).with_name("thresholds.json")

# Room for another version of the compiler or of a library, and for small changes that are worth it.
MARGIN = 1.15


def read(file=FILE):
    """The bounds by the parts' names."""
    return json.loads(file.read_text())["parts"] if file.exists() else {}


def write(thresholds, compiler, file=FILE):
    """Writes bounds that were measured with a compiler."""
    lines = ",\n".join(f"    {json.dumps(part)}: {json.dumps(bounds)}" for part, bounds in thresholds.items())
    about = json.dumps(f"{compiler}, {platform.machine()}")
    file.write_text(f'{{\n  "measured_with": {about},\n  "parts": {{\n{lines}\n  }}\n}}\n')


def around(cost):
    """The bounds for a part that costs so much now: 15 % more, of instructions rounded up to three digits.

    Allocations are rounded to the nearest whole number, so that where there are few, one more is too many.
    """
    most = cost.instructions * MARGIN
    step = 10 ** max(0, len(str(int(most))) - 3)
    return {
        "instructions": cost.instructions,
        "most_instructions": math.ceil(most / step) * step,
        "allocations": cost.allocations,
        "most_allocations": max(math.ceil(cost.allocations), round(cost.allocations * MARGIN)),
    }


def violations(costs, thresholds, parts):
    """What is wrong, a sentence each, none where every part that was measured keeps within its bounds.

    `parts` are the names of all parts that there are.
    """
    for part, cost in costs.items():
        bounds = thresholds.get(part)
        if bounds is None:
            yield f"{part} has no threshold"
            continue
        for what, found in cost._asdict().items():
            most = bounds[f"most_{what}"]
            if found > most:
                before = bounds[what]
                yield f"{part} takes {found:,} {what}, at most {most:,} are allowed ({before:,} when that was set)"
    for part in thresholds:
        if part not in parts:
            yield f"{part} has a threshold, but there is no such part"


def table(costs, thresholds):
    """The lines of a table of what was measured and what is allowed."""
    yield f"{'part':16} {'instructions':>12} {'bound':>9} {'allocations':>12} {'bound':>6}"
    for part, cost in costs.items():
        bounds = thresholds.get(part, {})
        most = [bounds.get(f"most_{what}", "none") for what in cost._fields]
        yield f"{part:16} {cost.instructions:>12} {most[0]:>9} {cost.allocations:>12.1f} {most[1]:>6}"

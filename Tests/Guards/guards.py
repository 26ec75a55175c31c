"""Measures the hot parts and holds them to their bounds, or sets those; to be started by Tests/Guards/run."""

import argparse
import subprocess
import sys

import hot_parts
import thresholds

HINT = "to set new bounds on purpose: Tests/Guards/run --update [PART...]"


def check(costs, allowed, parts):
    """The table of what was measured, and what is wrong: nothing where it is empty."""
    return "\n".join(thresholds.table(costs, allowed)), list(thresholds.violations(costs, allowed, parts))


def main():
    parser = argparse.ArgumentParser(prog="Tests/Guards/run", description=__doc__)
    parser.add_argument("--update", action="store_true", help="set bounds 15 %% above what is measured now")
    parser.add_argument("parts", nargs="*", metavar="PART", help="only these; without any, all")
    options = parser.parse_args()
    try:
        every = hot_parts.names()
        unknown = set(options.parts) - set(every)
        if unknown:
            parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(every)}")
        costs = hot_parts.measure(options.parts or every)
    except hot_parts.Unmeasurable as error:
        sys.exit(f"the hot parts cannot be measured: {error}")
    allowed = thresholds.read()
    if options.update:
        allowed |= {part: thresholds.around(cost) for part, cost in costs.items()}
        # In the order of the parts, and none that is no more.
        allowed = {part: allowed[part] for part in every if part in allowed}
        thresholds.write(allowed, _compiler())
    table, violations = check(costs, allowed, every)
    print(table)
    if violations:
        sys.exit("\n".join([*violations, HINT]))


def _compiler():
    told = subprocess.run(["swift", "--version"], capture_output=True, text=True, check=True).stdout
    return told.splitlines()[0]


if __name__ == "__main__":
    main()

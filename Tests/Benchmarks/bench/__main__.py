"""Measures Daybook beside its peers in one run on loopback, and prints one table, with what is aimed at.

The table is written as table.txt, results.json and picture.png too. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from bench import machine, native, picture, report
from bench.context import Context
from bench.parts import registry
from bench.results import Results
from bench.settings import BUILD, Settings

_MILLION = 1_000_000


def _read() -> tuple[Settings, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="run", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", metavar="PART,...", help=f"of these: {', '.join(registry.NAMES)}")
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement (8)")
    parser.add_argument("--rounds", type=int, default=3, help="of all measurements; medians are told (3)")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--large", action="store_true", help="let the log grow to 20 million events, not 1 million")
    parser.add_argument("--smoke", action="store_true", help="everything once, as short and small as can be")
    parser.add_argument("--before", metavar="FOLDER", help="programs of an earlier version, for the part secured")
    parser.add_argument("--logged-events", type=int, default=5 * _MILLION, metavar="N",
                        help="events of which the part stores learns what PostgreSQL logs for each (5 million)")  # fmt: skip
    parser.add_argument("--no-build", action="store_true", help="take the executables as they are")
    parser.add_argument("--output", type=Path, default=BUILD, metavar="FOLDER", help="where the results go (.build)")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), metavar="FOLDER",
                        help="on the disk that is measured (/var/tmp)")  # fmt: skip
    options = parser.parse_args()
    parts = frozenset(options.only.split(",")) if options.only else frozenset(registry.NAMES)
    if unknown := parts - set(registry.NAMES):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(registry.NAMES)}")
    sizes = (0, _MILLION, 20 * _MILLION) if options.large else (0, _MILLION)
    if options.smoke:
        return Settings(parts, accounts=512, seconds=0.2, rounds=1, connections=(1, 64), log_sizes=(0, 4000),
                        logged_events=5000, bulk=1000, few_accounts=20, before=options.before), options  # fmt: skip
    if options.accounts < 16_000:
        parser.error("--accounts: at least 16000, so that requests in flight do not meet")
    return Settings(parts, options.accounts, options.seconds, options.rounds, connections=(1, 16, 64, 256),
                    log_sizes=sizes, logged_events=options.logged_events, bulk=200_000, few_accounts=1000, before=options.before), options  # fmt: skip


def main() -> None:
    # As an exception it lets the servers be ended like after any other failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    settings, options = _read()
    native.build()
    with Context(settings, options.folder) as context:
        results = Results(machine.describe(context.folder))
        for line in machine.lines(results.machine):
            print(f"# {line}", flush=True)
        cases = registry.cases(context, results)
        for number in range(settings.rounds):
            for case in cases:
                measured = case.measure(settings.seconds)
                results.add(case.label, measured)
                label = case.label
                context.tell(f"round {number + 1}: {label.peer}, {label.load}, {label.width}: {measured.rate:.0f}/s")
        registry.studies(context, results)
    options.output.mkdir(parents=True, exist_ok=True)
    lines = list(report.table(results))
    print(*lines[len(machine.lines(results.machine)) :], sep="\n")
    (options.output / "table.txt").write_text("\n".join(lines) + "\n")
    report.write_json(results, options.output / "results.json")
    picture.draw(results, options.output / "picture.png")
    context.tell(f"written to {os.path.relpath(options.output)}: table.txt, results.json, picture.png")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        # All that was started has been ended on the way here; the code is the one of a program ended by SIGINT.
        sys.exit(128 + signal.SIGINT)

"""Commands at fixed rates, whatever the service does, latencies counted from when each was due."""

from __future__ import annotations

from bench import closed_loop, native, running
from bench.context import Context
from bench.measurement import Label
from bench.parts import commands
from bench.results import Results

NAME = "Daybook"
LOAD = "deposit, open loop at {:.0%} of the closed loop"
SHARES = (0.25, 0.5, 0.75)
WIDTH = 64


def run(context: Context, results: Results) -> None:
    daybook, settings = context.daybook, context.settings
    label = Label(commands.NAME, commands.UNIFORM, WIDTH)
    if label in results.rounds:
        closed = results.median(label)
    else:
        closed = closed_loop.drive(daybook.command.port, "deposit", WIDTH, settings.seconds, settings.accounts)
    for share in SHARES:
        with running.cost(daybook) as figures:
            printed = native.run(
                "http_load", daybook.command.port, "--rate", closed.rate * share, "--seconds", settings.seconds,
                "--connections", WIDTH, "--accounts", settings.accounts, seconds=settings.seconds,
            )  # fmt: skip
        figures["offered/s"] = closed.rate * share
        results.add(Label(NAME, LOAD.format(share), WIDTH), native.measurement(printed, **figures))
        others = {status: count for status, count in printed["statuses"].items() if status != "200"}
        if others or printed["unanswered"] or printed["broken"]:
            results.notes.append(
                f"open loop at {share:.0%}: {others} other than 200, {printed['unanswered']} without an answer, "
                f"{printed['broken']} connections broke"
            )

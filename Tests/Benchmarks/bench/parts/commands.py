"""Durable commands over HTTP in a closed loop: deposits and transfers, uniform over all accounts, and all for one or two."""

from __future__ import annotations

from bench import closed_loop, running
from bench.context import Context
from bench.measurement import Case, Label, Measurement
from bench.processes import bytes_written

NAME = "Daybook"
UNIFORM, HOT = "deposit", "deposit, one hot account"
TRANSFER, HOT_TRANSFER = "transfer", "transfer, two hot accounts, both ways"
HOT_WIDTH = 64


def cases(context: Context) -> list[Case]:
    daybook, settings = context.daybook, context.settings

    def measure(seconds: float, width: int, accounts: int, load: str = "deposit") -> Measurement:
        written = bytes_written(daybook.event_log.pid)
        with running.cost(daybook) as figures:
            measured = closed_loop.drive(daybook.command.port, load, width, seconds, accounts)
        commands = measured.rate * max(1, round(seconds))
        figures["written B"] = (bytes_written(daybook.event_log.pid) - written) / max(1, commands)
        return running.with_cost(daybook, measured, figures)

    return [
        *(
            Case(Label(NAME, UNIFORM, width), lambda seconds, width=width: measure(seconds, width, settings.accounts))
            for width in settings.connections
        ),
        Case(Label(NAME, HOT, HOT_WIDTH), lambda seconds: measure(seconds, HOT_WIDTH, 1)),
        Case(
            Label(NAME, TRANSFER, HOT_WIDTH),
            lambda seconds: measure(seconds, HOT_WIDTH, settings.accounts, "transfer"),
        ),
        Case(Label(NAME, HOT_TRANSFER, HOT_WIDTH), lambda seconds: measure(seconds, HOT_WIDTH, 2, "transfer")),
    ]

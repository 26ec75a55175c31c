"""GET of an account, from the query service and through the gateway."""

from __future__ import annotations

from bench import closed_loop
from bench.context import Context
from bench.measurement import Case, Label

NAME = "Daybook"
DIRECT, FORWARDED = "get, from the query service", "get, through the gateway"
WIDTH = 64


def cases(context: Context) -> list[Case]:
    daybook = context.daybook
    return [
        Case(
            Label(NAME, load, WIDTH),
            lambda seconds, port=service.port: closed_loop.drive(
                port, "get", WIDTH, seconds, context.settings.accounts
            ),
        )
        for load, service in ((DIRECT, daybook.query), (FORWARDED, daybook.command))
    ]

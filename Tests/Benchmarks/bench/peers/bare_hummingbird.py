"""What Hummingbird alone does with the same routes and JSON, without a log."""

from __future__ import annotations

from functools import partial

from bench import closed_loop
from bench.context import Context
from bench.measurement import Case, Label
from bench.processes import Server
from client import Client, NoAnswer
from services import PROGRAMS, Ports

NAME = "bare Hummingbird"
DEPOSIT, GET = "deposit", "get"


def cases(context: Context, loads: dict[str, tuple[int, ...]]) -> list[Case]:
    """`loads`: the widths of each load."""
    port = Ports.take()
    folder = context.make_folder("bare")
    client = Client(port)
    context.callback(client.close)

    def answers() -> bool:
        try:
            return client.get("/accounts/a", timeout=1).status == 200
        except NoAnswer:
            return False

    context.enter_context(Server("bare-hummingbird", [PROGRAMS / "bare-hummingbird", str(port)], folder, answers))
    return [
        Case(
            Label(NAME, load, width),
            partial(_measure, port, load, width, context.settings.accounts),
        )
        for load, widths in loads.items()
        for width in widths
    ]


def _measure(port: int, load: str, width: int, accounts: int, seconds: float):
    return closed_loop.drive(port, load, width, seconds, accounts)

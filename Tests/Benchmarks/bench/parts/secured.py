"""What TLS, tokens and CURVE cost: the same deposits over connections kept alive, with and without, in turns.

With `--before FOLDER`, the programs of an earlier version take their turns too, without any of it: what the open form
may have lost.
"""

from __future__ import annotations

from pathlib import Path

from bench import closed_loop, running
from bench.context import Context
from bench.measurement import Case, Label, Measurement
from services import Daybook

OPEN, SECURED, BEFORE = "Daybook, open", "Daybook, secured", "Daybook, before"
LOAD = "deposit, kept alive"
WIDTH = 64


def cases(context: Context) -> list[Case]:
    # The package for certificates is there only if this part is asked for.
    from secured import Secrets

    secrets = Secrets(context.make_folder("secrets"))
    forms: dict[str, Daybook] = {OPEN: Daybook(start=False, LOG_LEVEL="warning")}
    forms[SECURED] = Daybook(start=False, secrets=secrets, LOG_LEVEL="warning")
    if context.settings.before:
        forms[BEFORE] = Daybook(start=False, LOG_LEVEL="warning")
        for service in forms[BEFORE].services:
            service.programs = Path(context.settings.before)
    return [Case(Label(name, LOAD, WIDTH), _measure(context, daybook)) for name, daybook in forms.items()]


def _measure(context: Context, daybook: Daybook):
    context.enter_context(daybook)
    daybook.start()
    running.open_accounts(daybook, context.settings.accounts)
    daybook.wait_until_caught_up()

    def measure(seconds: float) -> Measurement:
        with running.cost(daybook) as figures:
            measured = closed_loop.drive(
                daybook.command.port, "deposit", WIDTH, seconds, context.settings.accounts, secrets=daybook.secrets
            )
        return running.with_cost(daybook, measured, figures)

    return measure

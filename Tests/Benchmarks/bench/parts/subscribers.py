"""Commands while nobody listens, and while eight subscribers do, in turn; each of them must get every event."""

from __future__ import annotations

import contextlib

from bench import closed_loop
from bench.context import Context
from bench.measurement import Label
from bench.results import Results
from bench.subscriber import Subscriber

NAME = "Daybook"
ALONE, HEARD = "deposit, no subscriber", "deposit, 8 subscribers"
MISSED = "events missed by 8 subscribers"
WIDTH = 64
_COUNT = 8


def run(context: Context, results: Results) -> None:
    daybook, settings = context.daybook, context.settings
    load = (daybook.command.port, "deposit", WIDTH, settings.seconds, settings.accounts)
    missed = 0
    for _ in range(settings.rounds):
        results.add(Label(NAME, ALONE, WIDTH), closed_loop.drive(*load))
        with contextlib.ExitStack() as stack:
            listening = [stack.enter_context(Subscriber(daybook, settings.seconds)) for _ in range(_COUNT)]
            results.add(Label(NAME, HEARD, WIDTH), closed_loop.drive(*load))
            head = int(daybook.event_log.figures()["position"])
            for subscriber in listening:
                seen = subscriber.seen_up_to(head)
                missed += seen["lost"] + max(0, head - seen["last"])
    results.figures[MISSED] = missed

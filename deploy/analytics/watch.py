#!/usr/bin/env python3
"""Shows what happens in the log: deposits, withdrawals and transfers per second, the largest movements, position and lag.

    python watch.py             follows the log from now on, until Ctrl-C
    python watch.py --once      reads the log from its beginning, prints the view once and ends
"""

from __future__ import annotations

import argparse
import heapq
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import zmq

from daybook_events import Checkpoint, LogUnreachable, Point, Record, Refused, Requester, Subscription
from daybook_events.accounts import Deposited, HoldCaptured, Money, Opened, Reversed, Sent, Withdrawn, account_event
from daybook_events.command_line import PATIENCE, Stop, add_endpoints, at_least_one, endpoints, run

MICROSECONDS = 1_000_000
SHOWN = 5


@dataclass(order=True, frozen=True)
class Movement:
    """What changed a balance; the greater one is the larger, of equal ones the earlier."""

    size: Decimal
    earliness: int
    account: str = field(compare=False)
    sign: str = field(compare=False)
    amount: Money = field(compare=False)
    recorded_at: int = field(compare=False)


@dataclass
class Second:
    """What was recorded within one second."""

    second: int
    deposits: int = 0
    withdrawals: int = 0
    transfers: int = 0


class Figures:
    """What the view shows, taken from records one by one. Its size does not grow with the log."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.position = 0
        self.recorded_at: int | None = None
        self.opened = self.deposits = self.withdrawals = self.transfers = 0
        self.largest: list[Movement] = []
        # Times never decrease along the log, so the newest second is the last.
        self._seconds: deque[Second] = deque(maxlen=window)

    def take(self, record: Record) -> None:
        self.position, self.recorded_at = record.position, record.recorded_at
        match account_event(record):
            case Opened():
                self.opened += 1
            case Deposited(account, amount):
                self.deposits += 1
                self._second(record).deposits += 1
                self._rank(record, account, "+", amount)
            case Withdrawn(account, amount):
                self.withdrawals += 1
                self._second(record).withdrawals += 1
                self._rank(record, account, "-", amount)
            case Sent(account, amount):
                # Once, on the sender's side: the receiver's is the same money.
                self.transfers += 1
                self._second(record).transfers += 1
                self._rank(record, account, "-", amount)
            case HoldCaptured(account=account, amount=amount):
                self._rank(record, account, "-", amount)
            case Reversed(account, amount, is_credit=is_credit, counterparty=None):
                self._rank(record, account, "+" if is_credit else "-", amount)
            case Reversed(account, amount, is_credit=False):
                self._rank(record, account, "-", amount)

    def rates(self, now: int) -> tuple[float, float, float]:
        """Deposits, withdrawals and transfers per second in the window that ends with the second of `now`, in
        microseconds."""
        last = now // MICROSECONDS
        within = [second for second in self._seconds if last - self.window < second.second <= last]
        sums = (sum(s.deposits for s in within), sum(s.withdrawals for s in within), sum(s.transfers for s in within))
        return sums[0] / self.window, sums[1] / self.window, sums[2] / self.window

    def _second(self, record: Record) -> Second:
        second = record.recorded_at // MICROSECONDS
        if not self._seconds or self._seconds[-1].second != second:
            self._seconds.append(Second(second))
        return self._seconds[-1]

    def _rank(self, record: Record, account: str, sign: str, amount: Money) -> None:
        movement = Movement(amount.decimal, -record.position, account, sign, amount, record.recorded_at)
        if len(self.largest) < SHOWN:
            heapq.heappush(self.largest, movement)
        else:
            heapq.heappushpop(self.largest, movement)


class Currencies:
    """The currencies of the accounts that are shown: the first event of an account tells its own."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester
        self._known: dict[str, str] = {}

    def of(self, accounts: list[str]) -> dict[str, str]:
        """What is known or can be learned now; an account that must wait for the log is left out."""
        self._known = {account: self._known[account] for account in accounts if account in self._known}
        for account in accounts:
            if account not in self._known:
                try:
                    first = self._requester.first_of_stream(f"account/{account}")
                except (LogUnreachable, Refused):
                    break  # The next view asks again.
                opened = account_event(first) if first else None
                if isinstance(opened, Opened):
                    self._known[account] = opened.currency
        return self._known


def view(figures: Figures, head: int, state: str, now: int, currencies: Callable[[list[str]], dict[str, str]]
         ) -> Iterator[tuple[str, str]]:  # fmt: skip
    """The lines of the view, each with its style."""
    deposits, withdrawals, transfers = figures.rates(now)
    behind = head - figures.position
    age = "" if figures.recorded_at is None else f", newest event {max(0, now - figures.recorded_at) / 1e6:.1f} s old"
    yield "title", f"position {figures.position:,} of {head:,}, {behind:,} behind{age}, {state}"
    yield "plain", ""
    yield "deposit", f"deposits     {deposits:>10,.1f}/s {figures.deposits:>15,} in all"
    yield "withdrawal", f"withdrawals  {withdrawals:>10,.1f}/s {figures.withdrawals:>15,} in all"
    yield "plain", f"transfers    {transfers:>10,.1f}/s {figures.transfers:>15,} in all"
    yield "plain", f"opened       {'':>12} {figures.opened:>15,} in all"
    yield "plain", ""
    # The ledger has no exchange rates: the figures are compared as they are written.
    yield "title", "largest movements"
    largest = sorted(figures.largest, reverse=True)
    known = currencies([movement.account for movement in largest])
    for movement in largest:
        style = "deposit" if movement.sign == "+" else "withdrawal"
        at = datetime.fromtimestamp(movement.recorded_at / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        amount = f"{movement.sign}{movement.amount.decimal:,f}"
        yield style, f"{amount:>24} {known.get(movement.account, '???')}  {at}  {movement.account}"


class Screen:
    """A terminal on which each view replaces the one before; elsewhere one follows the other, without colour."""

    STYLES = {"title": "1", "deposit": "32", "withdrawal": "31"}

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()
        self.has_colour = self.is_terminal and not os.environ.get("NO_COLOR")

    @contextmanager
    def taken_over(self) -> Iterator[None]:
        """The terminal's other page, without a cursor; what stood on it before is there again afterwards."""
        if not self.is_terminal:
            yield
            return
        sys.stdout.write("\x1b[?1049h\x1b[?25l")
        try:
            yield
        finally:
            sys.stdout.write("\x1b[?25h\x1b[?1049l")
            sys.stdout.flush()

    def show(self, lines: Iterator[tuple[str, str]], replace: bool) -> None:
        width = shutil.get_terminal_size().columns if self.is_terminal else None
        text = "".join(self._styled(style, line[:width]) + ("\x1b[K\n" if replace else "\n") for style, line in lines)
        sys.stdout.write(f"\x1b[H{text}\x1b[J" if replace else text)
        sys.stdout.flush()

    def _styled(self, style: str, line: str) -> str:
        code = self.STYLES.get(style)
        return f"\x1b[{code}m{line}\x1b[0m" if code and self.has_colour else line


def beginning(requester: Requester, after: Point | None, once: bool, stop: Stop) -> Checkpoint | None:
    """Where the view begins; asked for in short turns, so that a log that is away does not hold up Ctrl-C."""
    end = time.monotonic() + PATIENCE
    while not stop and not (once and after is None):
        try:
            return requester.status() if after is None else requester.checkpoint_at(after)
        except LogUnreachable:
            if time.monotonic() >= end:
                raise
    return None


def watch_once(
    subscription: Subscription, figures: Figures, currencies: Currencies, screen: Screen, stop: Stop
) -> None:
    while not stop and not subscription.is_caught_up:
        for record in subscription.next_batch(most=5000, wait=0.2):
            figures.take(record)
    if not stop:
        # Seen from the newest event, so that a log at rest still tells how busy it was.
        now = figures.recorded_at or 0
        screen.show(view(figures, subscription.head, "read once", now, currencies.of), replace=False)


def watch(
    subscription: Subscription, figures: Figures, currencies: Currencies, screen: Screen, interval: int, stop: Stop
) -> None:
    next_view = time.monotonic()
    with screen.taken_over():
        while not stop:
            wait = max(0.0, min(next_view - time.monotonic(), 0.2))
            for record in subscription.next_batch(most=5000, wait=wait):
                figures.take(record)
            if time.monotonic() < next_view:
                continue
            state = "live" if subscription.is_reachable else "the log is silent"
            ask = currencies.of if subscription.is_reachable else lambda accounts: {}
            lines = view(figures, subscription.head, state, time.time_ns() // 1000, ask)
            screen.show(lines, replace=screen.is_terminal)
            next_view = time.monotonic() + interval


def point(text: str) -> Point:
    try:
        return Point.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main(stop: Stop) -> None:
    parser = argparse.ArgumentParser(description="Shows what happens in Daybook's log.")
    parser.add_argument("--once", action="store_true", help="read what there is, print the view once, and end")
    parser.add_argument("--after", type=point, metavar="POSITION",
                        help="begin after this position, alone or as a feed's id, which must be in the log's history "
                             "(the head; with --once the beginning)")  # fmt: skip
    parser.add_argument("--window", type=at_least_one, default=10, metavar="SECONDS",
                        help="the time over which rates are taken (%(default)s)")  # fmt: skip
    parser.add_argument("--interval", type=at_least_one, default=1, metavar="SECONDS",
                        help="the time between two views (%(default)s)")  # fmt: skip
    add_endpoints(parser)
    options = parser.parse_args()
    places = endpoints(options)
    # Short, for a log that is gone must not hold up the view.
    requester = Requester(zmq.Context.instance(), places.read, patience=0.5, keys=places.keys)
    figures, screen, currencies = Figures(options.window), Screen(), Currencies(requester)
    try:
        after = beginning(requester, options.after, options.once, stop)
        figures.position = after.position if after else 0
        with Subscription(places, after, patience=PATIENCE if options.once else None) as subscription:
            if options.once:
                watch_once(subscription, figures, currencies, screen, stop)
            else:
                watch(subscription, figures, currencies, screen, options.interval, stop)
    finally:
        requester.close()


if __name__ == "__main__":
    sys.exit(run(main))

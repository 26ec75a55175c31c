"""Accounts as the HTTP contract describes them: whole cents, microseconds, and nothing of the system's own code.

An event is checked against the rules when it is added: what was recorded must have been allowed at that very version.
Time plays no part in that, for a command records the expiry of every hold that is due before its own events; so what
is held, as recorded, is what was held when the command was decided.
"""

import json
from bisect import bisect_right
from collections import namedtuple
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from decimal import Decimal

# `expires_at` in microseconds since 1970, None for a hold that does not expire.
Hold = namedtuple("Hold", "name cents expires_at")
Resolution = namedtuple("Resolution", "how version")

REVERSIBLE = ("MoneyDeposited", "MoneyWithdrawn", "MoneySent", "MoneyReceived")
RESOLVED_BY = {"HoldCaptured": "captured", "HoldReleased": "released", "HoldExpired": "expired"}


def cents_of(text):
    """The cents of an amount in event data, which must have the currency's two digits."""
    whole, _, fraction = text.partition(".")
    assert len(fraction) == 2 and whole.isdecimal(), f"I6: an amount without its digits: {text}"
    return int(whole) * 100 + int(fraction)


def cents(amount):
    """The cents of an amount in an answer."""
    return int(Decimal(amount).scaleb(2))


def microseconds(text):
    """The time of an RFC 3339 text, in microseconds since 1970."""
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def rfc3339(time):
    """The text of a time in microseconds since 1970."""
    seconds, fraction = divmod(time, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{fraction:06d}Z"


@dataclass(frozen=True)
class Event:
    """One record of the log, of an account."""

    position: int
    version: int
    type: str
    account: str
    data: dict
    recorded_at: int
    id: str = ""
    metadata: dict = field(default_factory=dict)
    # Whether its append goes on in the next record.
    continues: bool = False

    @classmethod
    def of(cls, record, continues):
        return cls(
            record.position, record.version, record.type.decode(), record.stream.decode(), json.loads(record.data),
            record.recorded_at, record.id.hex(), json.loads(record.metadata or b"{}"), continues,
        )  # fmt: skip

    @property
    def correlation(self):
        return self.metadata.get("correlation_id")

    @property
    def cents(self):
        """The amount that the event names; None if it names none."""
        text = self.data.get("initial_balance", self.data.get("amount"))
        return None if text is None else cents_of(text)

    @property
    def change(self):
        """What the event adds to the balance."""
        match self.type:
            case "AccountOpened" | "MoneyDeposited" | "MoneyReceived":
                return self.cents
            case "MoneyWithdrawn" | "MoneySent" | "HoldCaptured":
                return -self.cents
            case "MovementReversed":
                return self.cents if self.data["direction"] == "credit" else -self.cents
        return 0

    @property
    def is_reversible(self):
        # What a capture pays into another account stands for a hold, which is resolved for good.
        return self.type in REVERSIBLE and "hold" not in self.data

    def __str__(self):
        return f"{self.position}: {self.account} {self.version} {self.type} {self.data}"


@dataclass(frozen=True)
class State:
    """An account after one of its events. Holds stand as recorded; what is seen of them depends on the time."""

    event: Event
    owner: str
    currency: str
    balance: int = 0
    overdraft: int = 0
    maximum: int | None = None
    # (direction, reason)
    frozen: tuple | None = None
    # As recorded, oldest first.
    holds: tuple = ()
    is_closed: bool = False

    @property
    def version(self):
        return self.event.version

    @property
    def position(self):
        return self.event.position

    @property
    def status(self):
        return "closed" if self.is_closed else "frozen" if self.frozen else "open"

    @property
    def recorded_held(self):
        return sum(hold.cents for hold in self.holds)

    def open_holds(self, time):
        return [hold for hold in self.holds if hold.expires_at is None or hold.expires_at > time]

    def held(self, time):
        return sum(hold.cents for hold in self.open_holds(time))

    def available(self, time):
        return self.balance - self.held(time) + self.overdraft

    def moments(self, begin, end):
        """The times between two at which the account looks different, the first included."""
        return [begin, *(hold.expires_at for hold in self.holds if hold.expires_at and begin < hold.expires_at <= end)]

    def blocks(self, direction):
        return self.frozen is not None and self.frozen[0] in (direction, "all")


class Account:
    """All versions of an account. `states[n - 1]` is the one after version n."""

    def __init__(self, name):
        self.name = name
        self.events, self.states = [], []
        self.placed, self.resolved, self.reversed = {}, {}, {}

    @property
    def newest(self):
        return self.states[-1]

    def at(self, version):
        """The state at a version; None for a version that there is not."""
        return self.states[version - 1] if 1 <= version <= len(self.states) else None

    def at_position(self, position):
        """The state that the log has at a position; None before the opening."""
        return self.at(bisect_right(self.states, position, key=lambda state: state.position))

    def add(self, event):
        """Adds an event; fails if the rules did not allow it."""
        assert event.version == len(self.events) + 1, f"I3: a version is missing before {event}"
        state = self._opened(event) if event.type == "AccountOpened" else self._next(event)
        self.events.append(event)
        self.states.append(state)

    # ---- one event

    def _opened(self, event):
        assert not self.events, f"I6: a second opening: {event}"
        data = event.data
        state = State(
            event, data["owner"], data["currency"], event.cents, cents_of(data.get("overdraft", "0.00")),
            None if data.get("maximum_balance") is None else cents_of(data["maximum_balance"]),
        )  # fmt: skip
        assert state.maximum is None or state.balance <= state.maximum, f"I6: opened beyond its limit: {event}"
        return state

    def _next(self, event):
        assert self.events, f"I6: {event.type} on an account that was not opened: {event}"
        before = self.newest
        assert not before.is_closed, f"I6: recorded on a closed account: {event}"
        state = replace(before, event=event, balance=before.balance + event.change)
        match event.type:
            case "MoneyDeposited" | "MoneyReceived":
                self._check_credit(before, event)
            case "MoneyWithdrawn" | "MoneySent":
                self._check_debit(before, event)
            case "HoldPlaced":
                return self._placed(before, state, event)
            case "HoldCaptured" | "HoldReleased" | "HoldExpired":
                return self._resolved(before, state, event)
            case "MovementReversed":
                self._check_reversal(before, event)
            case "LimitsSet":
                return self._limited(state, event)
            case "AccountFrozen":
                return replace(state, frozen=(event.data["direction"], event.data["reason"]))
            case "AccountUnfrozen":
                assert before.frozen, f"I6: was not frozen: {event}"
                return replace(state, frozen=None)
            case "AccountClosed":
                assert before.balance == 0 and not before.holds, f"I6: closed, though not empty: {event}"
                return replace(state, is_closed=True)
            case other:
                raise AssertionError(f"I6: nobody knows the event {other}: {event}")
        return state

    @staticmethod
    def _check_debit(before, event):
        spendable = before.balance - before.recorded_held + before.overdraft
        assert event.cents <= spendable, f"I6: only {spendable} were available: {event}"
        assert not before.blocks("debits"), f"I6: debits were frozen: {event}"

    @staticmethod
    def _check_credit(before, event):
        beyond = before.maximum is not None and before.balance + event.cents > before.maximum
        assert not beyond, f"I6: beyond the limit of {before.maximum}: {event}"
        assert not before.blocks("credits"), f"I6: credits were frozen: {event}"

    def _placed(self, before, state, event):
        name = event.data["hold"]
        assert name not in self.placed, f"I6: a second hold of this name: {event}"
        free = before.balance - before.recorded_held
        assert event.cents <= free, f"I6: a hold draws on the overdraft, only {free} were free: {event}"
        assert not before.blocks("debits"), f"I6: debits were frozen: {event}"
        expires_at = event.data.get("expires_at")
        self.placed[name] = event.version
        hold = Hold(name, event.cents, None if expires_at is None else microseconds(expires_at))
        return replace(state, holds=(*before.holds, hold))

    def _resolved(self, before, state, event):
        name = event.data["hold"]
        assert name not in self.resolved, f"I6: a hold resolved twice, first {self.resolved[name]}: {event}"
        hold = next((hold for hold in before.holds if hold.name == name), None)
        assert hold, f"I6: there is no such hold: {event}"
        if event.type == "HoldCaptured":
            released = cents_of(event.data.get("released", "0.00"))
            assert event.cents + released == hold.cents, f"I6: {hold.cents} were held: {event}"
        else:
            assert event.cents == hold.cents, f"I6: {hold.cents} were held: {event}"
        if event.type == "HoldExpired":
            is_due = hold.expires_at is not None and hold.expires_at <= event.recorded_at
            assert is_due, f"I6: expired before its time, {hold.expires_at}: {event}"
        self.resolved[name] = Resolution(RESOLVED_BY[event.type], event.version)
        return replace(state, holds=tuple(one for one in before.holds if one is not hold))

    def _check_reversal(self, before, event):
        version = event.data["reverses"]
        assert 1 <= version < event.version, f"I6: reverses what is not there: {event}"
        reversed = self.events[version - 1]
        assert version not in self.reversed, f"I6: reversed twice, first at {self.reversed[version]}: {event}"
        assert reversed.is_reversible, f"I6: cannot be reversed: {reversed}"
        assert event.change == -reversed.change, f"I6: not the opposite of {reversed}: {event}"
        (self._check_credit if event.change > 0 else self._check_debit)(before, event)
        self.reversed[version] = event.version

    @staticmethod
    def _limited(state, event):
        data = event.data
        assert {"overdraft", "maximum_balance"} & set(data), f"I6: sets no limit: {event}"
        if "overdraft" in data:
            state = replace(state, overdraft=cents_of(data["overdraft"] or "0.00"))
        if "maximum_balance" in data:
            maximum = data["maximum_balance"]
            state = replace(state, maximum=None if maximum is None else cents_of(maximum))
        return state

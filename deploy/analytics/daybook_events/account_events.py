"""What can happen to an account, and what it does to the balance."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from uuid import UUID

from daybook_events.money import Money


class Change(Enum):
    """What becomes of a limit that is not set to an amount."""

    NONE = "it stays as it is"
    REMOVED = "it is taken away"


@dataclass(frozen=True, slots=True)
class Details:
    """What the client said about a movement."""

    reference: str | None = None
    description: str | None = None
    effective_at: date | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    account: str
    owner: str
    initial_balance: Money
    currency: str
    overdraft: Money | None = None
    maximum_balance: Money | None = None


@dataclass(frozen=True, slots=True)
class Deposited:
    account: str
    amount: Money
    details: Details = field(default_factory=Details)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    account: str
    amount: Money
    details: Details = field(default_factory=Details)


@dataclass(frozen=True, slots=True)
class Sent:
    """A transfer, on the sender's side. `transfer` is the same in the event of the other side, which is in one append."""

    account: str
    amount: Money
    to: str
    transfer: UUID
    counterparty_version: int
    details: Details = field(default_factory=Details)


@dataclass(frozen=True, slots=True)
class Received:
    """A transfer, or with `hold` the capture of the sender's hold, on the receiver's side."""

    account: str
    amount: Money
    sender: str
    transfer: UUID
    counterparty_version: int
    hold: str | None = None
    details: Details = field(default_factory=Details)


@dataclass(frozen=True, slots=True)
class HoldPlaced:
    account: str
    hold: str
    amount: Money
    expires_at: int | None = None  # microseconds since 1970
    details: Details = field(default_factory=Details)


@dataclass(frozen=True, slots=True)
class HoldCaptured:
    """Money of a hold left the account, to another one if `to` is given. `released` is what was held beyond it."""

    account: str
    hold: str
    amount: Money
    released: Money | None = None
    to: str | None = None
    transfer: UUID | None = None
    details: Details = field(default_factory=Details)


@dataclass(frozen=True, slots=True)
class HoldReleased:
    account: str
    hold: str
    amount: Money


@dataclass(frozen=True, slots=True)
class HoldExpired:
    """Recorded with the account's next command. A hold with a time binds nothing from that time on, recorded or not."""

    account: str
    hold: str
    amount: Money


@dataclass(frozen=True, slots=True)
class LimitsSet:
    account: str
    overdraft: Money | Change
    maximum_balance: Money | Change


@dataclass(frozen=True, slots=True)
class Frozen:
    account: str
    direction: str  # debits, credits or all
    reason: str


@dataclass(frozen=True, slots=True)
class Unfrozen:
    account: str
    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    account: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reversed:
    """The opposite of the movement at version `reverses` of the account; `counterparty` if that was a transfer."""

    account: str
    amount: Money
    reverses: int
    is_credit: bool
    reason: str
    counterparty: str | None = None
    transfer: UUID | None = None
    details: Details = field(default_factory=Details)


AccountEvent = (
    Opened | Deposited | Withdrawn | Sent | Received | HoldPlaced | HoldCaptured | HoldReleased | HoldExpired | LimitsSet
    | Frozen | Unfrozen | Closed | Reversed
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Movement:
    """What an event did to the balance of its account."""

    kind: str
    minor_units: int  # negative if money went out
    counterparty: str | None = None  # nothing if the money came into the ledger, or left it


def movement(event: AccountEvent) -> Movement | None:
    """The movement of an event; nothing if it changed no balance."""
    match event:
        case Opened():
            return Movement("opening", event.initial_balance.minor_units)
        case Deposited():
            return Movement("deposit", event.amount.minor_units)
        case Withdrawn():
            return Movement("withdrawal", -event.amount.minor_units)
        case Sent():
            return Movement("sent", -event.amount.minor_units, event.to)
        case Received():
            return Movement("received", event.amount.minor_units, event.sender)
        case HoldCaptured():
            return Movement("capture", -event.amount.minor_units, event.to)
        case Reversed():
            sign = 1 if event.is_credit else -1
            return Movement("reversal", sign * event.amount.minor_units, event.counterparty)
    return None

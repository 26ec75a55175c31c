"""What the events of accounts say, with exact amounts: every schema version, as one form."""

from __future__ import annotations

from uuid import UUID

from daybook_events.account_events import (
    AccountEvent as AccountEvent, Change as Change, Closed as Closed, Deposited as Deposited, Details as Details,
    Frozen as Frozen, HoldCaptured as HoldCaptured, HoldExpired as HoldExpired, HoldPlaced as HoldPlaced,
    HoldReleased as HoldReleased, LimitsSet as LimitsSet, Movement as Movement, Opened as Opened, Received as Received,
    Reversed as Reversed, Sent as Sent, Unfrozen as Unfrozen, Withdrawn as Withdrawn, movement as movement,
)  # fmt: skip
from daybook_events.failures import DaybookError
from daybook_events.frames import Record
from daybook_events.members import Members
from daybook_events.money import LARGEST_MINOR_UNITS as LARGEST_MINOR_UNITS
from daybook_events.money import Money as Money

NEWEST_SCHEMA = 2


class UnknownEvent(DaybookError):
    """An event that this program does not understand, and must not guess at."""


def account_event(record: Record) -> AccountEvent | None:
    """What happened to an account; nothing where the record is of another category."""
    if record.category != "account":
        return None
    try:
        if not 1 <= record.schema_version <= NEWEST_SCHEMA:
            raise ValueError(f"only versions 1 to {NEWEST_SCHEMA} are known")
        members = Members(record.data, record.schema_version)
        event = _event(record, members)
        members.finish()
        return event
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise UnknownEvent(
            f"position {record.position}, {record.type} of schema version {record.schema_version}: {error}; a newer "
            "version of this program may know it, and can go on from the checkpoint"
        ) from error


def _event(record: Record, members: Members) -> AccountEvent:
    account = record.name
    match record.type:
        case "AccountOpened":
            return _opened(account, members)
        case "MoneyDeposited":
            return Deposited(account, members.money("amount"), _details(members))
        case "MoneyWithdrawn":
            return Withdrawn(account, members.money("amount"), _details(members))
        case _ if members.is_version_1:
            raise ValueError("there was no such event in version 1")
        case "MoneySent":
            return Sent(account, members.money("amount"), members.name("to"), members.uuid("transfer"),
                        members.version("counterparty_version"), _details(members))  # fmt: skip
        case "MoneyReceived":
            return Received(account, members.money("amount"), members.name("from"), members.uuid("transfer"),
                            members.version("counterparty_version"),
                            members.name("hold") if members.has("hold") else None, _details(members))  # fmt: skip
        case "HoldPlaced":
            return HoldPlaced(account, members.name("hold"), members.money("amount"),
                              members.time("expires_at") if members.has("expires_at") else None,
                              _details(members))  # fmt: skip
        case "HoldCaptured":
            return HoldCaptured(account, members.name("hold"), members.money("amount"),
                                members.money("released") if members.has("released") else None,
                                *_link(members, "to"), _details(members))  # fmt: skip
        case "HoldReleased":
            return HoldReleased(account, members.name("hold"), members.money("amount"))
        case "HoldExpired":
            return HoldExpired(account, members.name("hold"), members.money("amount"))
        case "LimitsSet":
            if not members.has("overdraft") and not members.has("maximum_balance"):
                raise ValueError("it sets no limit")
            return LimitsSet(account, _limit(members, "overdraft"), _limit(members, "maximum_balance"))
        case "AccountFrozen":
            return Frozen(account, members.one_of("direction", "debits", "credits", "all"), members.text("reason"))
        case "AccountUnfrozen":
            return Unfrozen(account, members.text("reason"))
        case "AccountClosed":
            return Closed(account, members.text("reason"))
        case "MovementReversed":
            is_credit = members.one_of("direction", "credit", "debit") == "credit"
            return Reversed(account, members.money("amount"), members.version("reverses"), is_credit,
                            members.text("reason"), *_link(members, "from" if is_credit else "to"),
                            _details(members))  # fmt: skip
    raise ValueError("its type is not known")


def _opened(account: str, members: Members) -> Opened:
    owner, balance = members.text("owner"), members.money("initial_balance")
    if members.is_version_1:
        return Opened(account, owner, balance, "USD")
    overdraft, maximum = (members.money(name) if members.has(name) else None for name in ("overdraft", "maximum_balance"))
    return Opened(account, owner, balance, members.currency("currency"), overdraft, maximum)


def _limit(members: Members, name: str) -> Money | Change:
    if not members.has(name):
        return Change.NONE
    return members.money_or_null(name) or Change.REMOVED


def _link(members: Members, counterparty: str) -> tuple[str, UUID] | tuple[None, None]:
    """The other account of a movement between two, and the id that both sides name: both or neither."""
    if not members.has(counterparty) and not members.has("transfer"):
        return None, None
    return members.name(counterparty), members.uuid("transfer")


def _details(members: Members) -> Details:
    if members.is_version_1:
        return Details()
    return Details(
        members.text("reference") if members.has("reference") else None,
        members.text("description") if members.has("description") else None,
        members.date("effective_at") if members.has("effective_at") else None,
    )

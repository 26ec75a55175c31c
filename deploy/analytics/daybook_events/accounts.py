"""What the events of accounts say, with exact amounts: every schema version, as one form."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, NoReturn

from daybook_events.failures import DaybookError
from daybook_events.frames import Record

NEWEST_SCHEMA = 2
LARGEST_MINOR_UNITS = 999_999_999_999_999

# Version 1 held amounts as binary doubles, of which 15 decimal digits can be trusted.
_DOUBLE = Context(prec=15, rounding=ROUND_HALF_UP)
_CURRENCY = re.compile(r"[A-Z]{3}")
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,4}))?")


class UnknownEvent(DaybookError):
    """An event that this program does not understand, and must not guess at."""


@dataclass(frozen=True, slots=True)
class Money:
    """A whole number of a currency's smallest units, and how many digits stand after the point."""

    minor_units: int
    fraction_digits: int

    @property
    def decimal(self) -> Decimal:
        return Decimal(self.minor_units).scaleb(-self.fraction_digits)

    def __str__(self) -> str:
        return f"{self.decimal:f}"


@dataclass(frozen=True, slots=True)
class Opened:
    account: str
    owner: str
    initial_balance: Money
    currency: str


@dataclass(frozen=True, slots=True)
class Deposited:
    account: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Withdrawn:
    account: str
    amount: Money


AccountEvent = Opened | Deposited | Withdrawn


def account_event(record: Record) -> AccountEvent | None:
    """What happened to an account; nothing where the record is of another category."""
    if record.category != "account":
        return None
    try:
        return _read(record)
    except (ValueError, ArithmeticError) as error:
        raise UnknownEvent(
            f"position {record.position}, {record.type} of schema version {record.schema_version}: {error}; a newer "
            "version of this program may know it, and can go on from the checkpoint"
        ) from error


def _read(record: Record) -> AccountEvent:
    if not 1 <= record.schema_version <= NEWEST_SCHEMA:
        raise ValueError(f"only versions 1 to {NEWEST_SCHEMA} are known")
    read_amount = _amount_of_version_1 if record.schema_version == 1 else _amount
    # Numbers as they are written, whole ones too: no double anywhere.
    members = json.loads(
        record.data, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse, object_pairs_hook=_once
    )
    if not isinstance(members, dict):
        raise ValueError("its data is not an object")
    match record.type, members:
        case "AccountOpened", {"owner": str(owner), "initial_balance": balance, "currency": str(currency)} if (
            len(members) == 3 and record.schema_version == 2 and _CURRENCY.fullmatch(currency)
        ):
            return Opened(record.name, owner, read_amount(balance), currency)
        case "AccountOpened", {"owner": str(owner), "initial_balance": balance} if (
            len(members) == 2 and record.schema_version == 1
        ):
            return Opened(record.name, owner, read_amount(balance), "USD")
        case "MoneyDeposited", {"amount": amount} if len(members) == 1:
            return Deposited(record.name, read_amount(amount))
        case "MoneyWithdrawn", {"amount": amount} if len(members) == 1:
            return Withdrawn(record.name, read_amount(amount))
    raise ValueError("its type or its members are not known")


def _amount(value: Any) -> Money:
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"expected a decimal string, found {value!r:.40}")
    whole, fraction = match[1], match[2] or ""
    return _within_bounds(int(whole + fraction), len(fraction))


def _amount_of_version_1(value: Any) -> Money:
    if not isinstance(value, Decimal):
        raise ValueError(f"expected a number, found {value!r:.40}")
    # The size first: written out, 1e999999999 would fill the memory, and 1e-999999999 would be rounded to nothing.
    if value and not -20 <= value.adjusted() <= 20:
        raise ValueError("an amount is out of range")
    cents = _DOUBLE.plus(value).scaleb(2, _DOUBLE)
    if cents != cents.to_integral_value():
        raise ValueError(f"expected whole cents, found {value!s:.40}")
    return _within_bounds(int(cents), 2)


def _within_bounds(minor_units: int, fraction_digits: int) -> Money:
    if not 0 <= minor_units <= LARGEST_MINOR_UNITS:
        raise ValueError("an amount is out of range")
    return Money(minor_units, fraction_digits)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")

"""Reads the data of an account's event member by member, so that nothing in it is passed over."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

from daybook_events.money import Money

_NAME = re.compile(r"[\w.~-]{1,128}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Members:
    """What an event says. Each member is taken out by its name; `finish` refuses what is left."""

    def __init__(self, data: bytes, schema_version: int) -> None:
        self.is_version_1 = schema_version == 1
        # Numbers as they are written, whole ones too: no double anywhere.
        members = json.loads(
            data, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse, object_pairs_hook=_once
        )
        if not isinstance(members, dict):
            raise ValueError("its data is not an object")
        self._members = members

    def has(self, name: str) -> bool:
        return name in self._members

    def money(self, name: str) -> Money:
        value = self._take(name)
        return Money.of_number(value) if self.is_version_1 else Money.of_text(value)

    def money_or_null(self, name: str) -> Money | None:
        if self._members.get(name, 0) is not None:
            return self.money(name)
        self._take(name)
        return None

    def text(self, name: str) -> str:
        value = self._take(name)
        if not isinstance(value, str):
            raise ValueError(f"{name} is not a string")
        return value

    def name(self, name: str) -> str:
        """The name of an account or a hold."""
        return self._text(name, _NAME)

    def currency(self, name: str) -> str:
        return self._text(name, _CURRENCY)

    def one_of(self, name: str, *values: str) -> str:
        value = self.text(name)
        if value not in values:
            raise ValueError(f"{name} is {value!r:.40}, none of {', '.join(values)}")
        return value

    def uuid(self, name: str) -> UUID:
        return UUID(self._text(name, _UUID))

    def version(self, name: str) -> int:
        value = self._take(name)
        if not isinstance(value, Decimal) or not 1 <= value < 2**63 or value != value.to_integral_value():
            raise ValueError(f"{name} is not a version")
        return int(value)

    def date(self, name: str) -> date:
        return date.fromisoformat(self._text(name, _DATE))

    def time(self, name: str) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""
        return (datetime.fromisoformat(self._text(name, _TIME)) - _EPOCH) // timedelta(microseconds=1)

    def finish(self) -> None:
        if self._members:
            raise ValueError(f"its members {', '.join(self._members)!r:.80} are not known")

    def _text(self, name: str, form: re.Pattern[str]) -> str:
        value = self.text(name)
        if not form.fullmatch(value):
            raise ValueError(f"{name} is {value!r:.40}, which it cannot be")
        return value

    def _take(self, name: str) -> Any:
        if name not in self._members:
            raise ValueError(f"its member {name} is missing")
        return self._members.pop(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")

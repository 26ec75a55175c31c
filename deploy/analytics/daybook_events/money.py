"""Exact amounts of money."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

LARGEST_MINOR_UNITS = 999_999_999_999_999

# Version 1 held amounts as binary doubles, of which 15 decimal digits can be trusted.
_DOUBLE = Context(prec=15, rounding=ROUND_HALF_UP)
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class Money:
    """A whole number of a currency's smallest units, and how many digits stand after the point."""

    minor_units: int
    fraction_digits: int

    @classmethod
    def of_text(cls, value: Any) -> Money:
        """An amount as events hold it: a decimal string."""
        match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
        if not match:
            raise ValueError(f"expected a decimal string, found {value!r:.40}")
        whole, fraction = match[1], match[2] or ""
        return cls._within_bounds(int(whole + fraction), len(fraction))

    @classmethod
    def of_number(cls, value: Any) -> Money:
        """An amount of dollars as events of schema version 1 hold it: a JSON number, which was a double."""
        if not isinstance(value, Decimal):
            raise ValueError(f"expected a number, found {value!r:.40}")
        # The size first: written out, 1e999999999 would fill the memory, and 1e-999999999 would be rounded to nothing.
        if value and not -20 <= value.adjusted() <= 20:
            raise ValueError("an amount is out of range")
        cents = _DOUBLE.plus(value).scaleb(2, _DOUBLE)
        if cents != cents.to_integral_value():
            raise ValueError(f"expected whole cents, found {value!s:.40}")
        return cls._within_bounds(int(cents), 2)

    @classmethod
    def _within_bounds(cls, minor_units: int, fraction_digits: int) -> Money:
        if not 0 <= minor_units <= LARGEST_MINOR_UNITS:
            raise ValueError("an amount is out of range")
        return cls(minor_units, fraction_digits)

    @property
    def decimal(self) -> Decimal:
        return Decimal(self.minor_units).scaleb(-self.fraction_digits)

    def __str__(self) -> str:
        return f"{self.decimal:f}"

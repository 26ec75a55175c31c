"""What a measurement is, and of what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hdrh.histogram import HdrHistogram

_AN_HOUR = 3_600_000_000_000


@dataclass(frozen=True)
class Latencies:
    """In milliseconds; None where a peer's own tool does not tell."""

    p50: float | None = None
    p99: float | None = None
    p999: float | None = None

    @classmethod
    def of(cls, buckets: list[list[int]]) -> Latencies:
        """From buckets of nanoseconds and counts."""
        histogram = HdrHistogram(1, _AN_HOUR, 3)
        for value, count in buckets:
            histogram.record_value(min(max(value, 1), _AN_HOUR), count)
        if not buckets:
            return cls()
        return cls(*(histogram.get_value_at_percentile(percentile) / 1e6 for percentile in (50, 99, 99.9)))


@dataclass(frozen=True)
class Measurement:
    """Events, commands or requests a second, whichever the case counts, how long each took, and what else was seen."""

    rate: float
    latencies: Latencies
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Label:
    """Which measurement: of whom, what it does, and at how many connections, clients or requests in flight."""

    peer: str
    load: str
    width: int = 1


@dataclass(frozen=True)
class Case:
    """Something that can be measured for so many seconds, again and again."""

    label: Label
    measure: Callable[[float], Measurement]

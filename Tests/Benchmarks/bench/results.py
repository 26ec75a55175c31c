"""All that was measured in a run, and the medians and ratios of it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.measurement import Label, Latencies, Measurement


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


@dataclass
class Results:
    machine: dict[str, object]
    rounds: dict[Label, list[Measurement]] = field(default_factory=dict)
    # Why something was left out, or what must be known to read a figure.
    notes: list[str] = field(default_factory=list)
    # What is one figure for the whole run.
    figures: dict[str, float] = field(default_factory=dict)

    def add(self, label: Label, measurement: Measurement) -> None:
        self.rounds.setdefault(label, []).append(measurement)

    def median(self, label: Label) -> Measurement:
        """The median over the rounds, of each figure by itself."""
        rounds = self.rounds[label]
        latencies = Latencies(*(
            _median([getattr(measured.latencies, name) for measured in rounds]) for name in ("p50", "p99", "p999")
        ))  # fmt: skip
        names = dict.fromkeys(name for measured in rounds for name in measured.figures)
        figures = {name: _median([measured.figures.get(name) for measured in rounds]) for name in names}
        return Measurement(_median([measured.rate for measured in rounds]), latencies, figures)

    def ratio(self, label: Label, other: Label, of: Callable[[Measurement], float | None]) -> float | None:
        """The median of the rounds' own ratios; None where one of the two was not measured, or does not tell."""
        pairs = zip(self.rounds.get(label, []), self.rounds.get(other, []), strict=False)
        ratios = [of(one) / of(two) for one, two in pairs if of(one) is not None and of(two)]
        return _median(ratios)

    def widths(self, peer: str, load: str) -> list[int]:
        return sorted(label.width for label in self.rounds if (label.peer, label.load) == (peer, load))

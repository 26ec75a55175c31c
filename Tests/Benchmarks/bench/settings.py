"""What a run measures, for how long, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / ".build" / "benchmarks"


@dataclass(frozen=True)
class Settings:
    parts: frozenset[str]
    accounts: int
    seconds: float
    rounds: int
    connections: tuple[int, ...]
    # How many events the log holds at each stage of its growth; the accounts' openings are the first.
    log_sizes: tuple[int, ...]
    # How many events are written to learn how much PostgreSQL logs for each, over a fifth as many streams.
    logged_events: int
    # Commands of one bulk request.
    bulk: int
    # The folder with the programs of an earlier version, to be measured in turns with these.
    before: str | None
    # Aggregates of pyeventsourcing, which takes a millisecond for each.
    few_accounts: int

"""Where the log is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from daybook_events.keys import Keys

MAX_LOGS = 16  # Section 8.4 of the specification.


def listed(text: str) -> Sequence[str]:
    """The endpoints of a list, separated by commas: one for each service that leads the log in turn."""
    endpoints = [part.strip(" ") for part in text.split(",")]
    if "" in endpoints or len(set(endpoints)) < len(endpoints) or len(endpoints) > MAX_LOGS:
        raise ValueError(f"{text!r:.200} is no list of 1 to {MAX_LOGS} different endpoints, separated by commas")
    return endpoints


@dataclass(frozen=True)
class Endpoints:
    """The two sockets of the log that a subscriber needs. Of a log that several services lead in turn each is a list,
    separated by commas; the endpoints at one place of both are those of one service."""

    events: str = "tcp://127.0.0.1:5571"
    read: str = "tcp://127.0.0.1:5572"
    keys: Keys | None = None

    def __post_init__(self) -> None:
        if len(listed(self.events)) != len(listed(self.read)):
            raise ValueError(f"{self.events!r} and {self.read!r} must name as many endpoints each, one for each service")

    @classmethod
    def from_environment(cls) -> Endpoints:
        """The endpoints and keys by the names that the services use themselves, else their defaults."""
        return cls(
            os.environ.get("EVENT_LOG_EVENTS_ENDPOINT") or cls.events,
            os.environ.get("EVENT_LOG_READ_ENDPOINT") or cls.read,
            Keys.from_environment(),
        )

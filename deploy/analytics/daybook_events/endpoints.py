"""Where the log is."""

from __future__ import annotations

import os
from dataclasses import dataclass

from daybook_events.keys import Keys


@dataclass(frozen=True)
class Endpoints:
    """The two sockets of the log that a subscriber needs."""

    events: str = "tcp://127.0.0.1:5571"
    read: str = "tcp://127.0.0.1:5572"
    keys: Keys | None = None

    @classmethod
    def from_environment(cls) -> Endpoints:
        """The endpoints and keys by the names that the services use themselves, else their defaults."""
        return cls(
            os.environ.get("EVENT_LOG_EVENTS_ENDPOINT") or cls.events,
            os.environ.get("EVENT_LOG_READ_ENDPOINT") or cls.read,
            Keys.from_environment(),
        )

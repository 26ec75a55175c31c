"""The newest lead of a log that was reported (section 8.4 of the specification)."""

from __future__ import annotations

from uuid import UUID

from daybook_events.frames import Head


class Lead:
    """The newest lead, of the log that counts leads and was met last."""

    def __init__(self) -> None:
        self.log_id: UUID | None = None
        self.epoch = 0

    def believes(self, head: Head) -> bool:
        """Whether a message with this head is to be believed: not if a later lead was reported. Keeps the lead then."""
        if head.epoch == 0:
            return True  # The log counts no leads.
        if head.log_id == self.log_id and head.epoch < self.epoch:
            return False
        self.log_id, self.epoch = head.log_id, head.epoch
        return True

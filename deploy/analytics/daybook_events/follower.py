"""The rules by which a subscriber follows the log, without any socket (section 8.2 of the specification)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from uuid import UUID

from daybook_events.checkpoint import Checkpoint
from daybook_events.failures import AnotherLog, AppendBroken, ChainBroken, InsideAppend, LogWentBack
from daybook_events.frames import Head, Record, genesis
from daybook_events.lead import Lead

# Section 10: no append has more records, nor more bytes of data and metadata.
MAX_RECORDS = 10_000
MAX_BYTES = 8 << 20

BEGIN_AGAIN = "take in nothing more; to go on with this log, remove what was made of the events and begin from nothing"


@dataclass
class Counts:
    """What a subscriber met on its way."""

    gaps: int = 0
    lost_tails: int = 0
    repeats: int = 0
    heartbeats: int = 0
    malformed: int = 0
    reads: int = 0
    unanswered_reads: int = 0


class Follower:
    """Takes in what is published and what is read, and puts each record into `ready` once, in order, verified.

    Records of an append that goes on are held back until its last one has come, so that `ready` has whole appends. The
    first page after a checkpoint begins with the checkpoint's own record, which shows that it stands where one ends.
    """

    def __init__(self, after: Checkpoint | None) -> None:
        self.log_id: UUID | None = after.log_id if after else None
        self.position = after.position if after else 0
        self.hash = after.hash if after else b""
        self.head = 0
        self.lead = Lead()
        self.is_live = False
        self.ready: deque[Record] = deque()
        self.counts = Counts()
        self._held: list[Record] = []
        self._held_bytes = 0
        self._must_ask = False
        self._must_prove = self.position > 0

    @property
    def is_inside_append(self) -> bool:
        """Whether records are held back."""
        return bool(self._held)

    @property
    def wants_a_read(self) -> bool:
        """Whether the log must be read after `read_after`, before anything that is published can be taken in."""
        return self.position < self.head or self._must_ask or self._must_prove

    @property
    def read_after(self) -> int:
        """After which position the log must be read."""
        return self.position - 1 if self._must_prove else self.position

    def take_published(self, message: Record | Head) -> bool:
        """Takes in one message of an events socket; whether it shows that the log, and its leader, lives."""
        self._agree(message.log_id)
        if isinstance(message, Head) and not self.lead.believes(message):
            return False
        shows_life = isinstance(message, Head) or message.position > self.head
        was_live, self.is_live = self.is_live, True
        if isinstance(message, Record):
            if self._must_prove:
                pass  # It is read again, after the checkpoint's record.
            elif message.position == self.position + 1:
                self._accept(message)
            elif message.position <= self.position:
                self.counts.repeats += 1
            elif was_live and not self.wants_a_read:
                self.counts.gaps += 1
        else:
            self.counts.heartbeats += 1
            if message.position > self.position:
                self.counts.lost_tails += was_live and not self.wants_a_read
            elif message.position < self.position:
                # A read may have overtaken it; only the reply to a request tells where the log stands now.
                self._must_ask = True
            elif message.hash != self.hash:
                raise ChainBroken(
                    f"the log has another record at position {self.position} than the one held: its history was "
                    f"changed, or it was set back and went on differently; {BEGIN_AGAIN}"
                )
            else:
                self._refuse_end_inside_append()
        self.head = max(self.head, message.position)
        return shows_life

    def take_page(self, asked_after: int, head: Head, records: list[Record]) -> None:
        """Takes in the reply to a read of the log, sent when `asked_after` was the position held."""
        self._agree(head.log_id)
        self._must_ask = False
        if head.position < asked_after or (not records and (asked_after < self.head or self._must_prove)):
            seen = max(asked_after, self.head)
            raise LogWentBack(
                f"position {seen} was seen, but the log ends at {head.position}: it was set back, as from a backup, "
                f"and what came after never happened; {BEGIN_AGAIN}"
            )
        if self._must_prove:
            self._prove(records[0])
        for record in records:
            if record.position > self.position:
                self._accept(record)
        if head.position == self.position:
            self._refuse_end_inside_append()
        self.head = max(self.head, head.position)

    def _prove(self, record: Record) -> None:
        """Compares the record at the checkpoint with it."""
        if (record.position, record.hash) != (self.position, self.hash):
            raise ChainBroken(
                f"the log has another record at position {self.position} than the one held: its history was changed, or "
                f"it was set back and went on differently; {BEGIN_AGAIN}"
            )
        if record.continues:
            raise InsideAppend(
                f"position {self.position}, after which to go on, is inside an append, so what is held has half of it; "
                f"{BEGIN_AGAIN}"
            )
        self._must_prove = False

    def _refuse_end_inside_append(self) -> None:
        # A log records appends whole, so its head is always the end of one.
        if self._held:
            raise AppendBroken(
                f"the log ends at position {self.position}, inside the append that began at position "
                f"{self._held[0].position}: verify the log; all appends before it were given"
            )

    def _agree(self, log_id: UUID) -> None:
        if self.log_id is None:
            self.log_id, self.hash = log_id, genesis(log_id)
        elif self.log_id != log_id:
            raise AnotherLog(
                f"the events held are of the log {self.log_id}, but the log {log_id} answers: check the endpoints; "
                f"where that is the log meant, {BEGIN_AGAIN}"
            )

    def _accept(self, record: Record) -> None:
        self._agree(record.log_id)
        if record.position != self.position + 1 or record.hash_after(self.hash) != record.hash:
            raise ChainBroken(
                f"the record that came as position {record.position} does not follow on position {self.position}: it "
                f"was altered on its way or in the log, or the log went on from a backup; verify the log; {BEGIN_AGAIN}"
            )
        self.position, self.hash = record.position, record.hash
        if record.continues:
            self._hold(record)
            return
        self.ready.extend(self._held)
        self.ready.append(record)
        self._held, self._held_bytes = [], 0

    def _hold(self, record: Record) -> None:
        self._held.append(record)
        self._held_bytes += len(record.data) + len(record.metadata)
        if len(self._held) >= MAX_RECORDS or self._held_bytes > MAX_BYTES:
            beginning, self._held = self._held[0].position, []
            raise AppendBroken(
                f"the append that began at position {beginning} has more than {MAX_RECORDS} records or {MAX_BYTES} bytes, "
                "which none can have: verify the log; all appends before it were given"
            )

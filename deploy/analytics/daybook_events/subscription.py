"""Follows a log over its sockets."""

from __future__ import annotations

import logging
import random
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

import zmq

from daybook_events.checkpoint import Checkpoint
from daybook_events.endpoints import Endpoints, listed
from daybook_events.failures import Diverged, LogUnreachable, Malformed, Refused
from daybook_events.follower import Counts, Follower
from daybook_events.frames import READ_LOG, Record, parse_published
from daybook_events.link import Link
from daybook_events.requester import Requester

logger = logging.getLogger("daybook_events")

SILENCE = 2.0  # Section 5.5: after so many seconds without a message the log is taken as unreachable.


@dataclass(frozen=True)
class _Read:
    """A read that waits for its reply."""

    number: int
    after: int
    deadline: float


class Subscription:
    """Every record of the log after a checkpoint, once, in order, verified; for as long as it is asked.

        for record in Subscription(Endpoints(), after=checkpoint):
            ...

    Appends are given whole: the first record of one comes only when all of it can be given. A record that `continues` is
    followed by another one of its append; what is made of an append is kept together, with a checkpoint at its end.

    Connections come back by themselves, and what was missed is read. Whatever cannot be put right that way is raised:
    a `Diverged` where the log's history is not the one held, `LogUnreachable` after `patience` seconds of silence
    (None waits for ever). A subscription belongs to one thread.

    At most `receive_queue` published messages, one page of a read (1 MiB of data) and one append (8 MiB) wait here.
    """

    _PAGE = struct.pack(">II", 10_000, 1 << 20)
    _READ_DEADLINE = 2.0
    _LONGEST_PAUSE = 2.0

    def __init__(
        self,
        endpoints: Endpoints | None = None,
        after: Checkpoint | None = None,
        *,
        patience: float | None = 60.0,
        receive_queue: int = 1000,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        endpoints = endpoints or Endpoints.from_environment()
        context = context or zmq.Context.instance()
        self.patience = patience

        def prepare(socket: zmq.Socket[bytes]) -> None:
            socket.setsockopt(zmq.RCVHWM, receive_queue)
            socket.setsockopt(zmq.SUBSCRIBE, b"")

        # One for each service that leads the log in turn: whichever sends an event, its position and hash prove it.
        self._links = [Link(context, zmq.SUB, place, endpoints.keys, prepare) for place in listed(endpoints.events)]
        self._follower = Follower(after)
        self._requester = Requester(context, endpoints.read, keys=endpoints.keys, lead=self._follower.lead)
        self._divergence: Diverged | None = None
        self._read: _Read | None = None
        self._read_not_before = 0.0
        self._failures = 0
        self._heard_at = time.monotonic()
        self._is_silent = False

    @property
    def socket(self) -> zmq.Socket[bytes]:
        """Where the first service publishes."""
        return self._links[0].socket

    @property
    def epoch(self) -> int:
        """The number of the newest lead of the log that was reported; 0: the log counts none."""
        return self._follower.lead.epoch

    @property
    def rejection(self) -> str | None:
        """Why the log and this subscriber do not accept each other, if they do not."""
        return next((link.rejection for link in self._links if link.rejection), None) or self._requester.rejection

    @property
    def counts(self) -> Counts:
        return self._follower.counts

    @property
    def head(self) -> int:
        """The highest position that the log is known to have."""
        return max(self._follower.head, self._follower.position)

    @property
    def is_reachable(self) -> bool:
        """Whether anything came from the log within the last 2 s of listening."""
        return self._follower.is_live and not self._is_silent

    @property
    def is_caught_up(self) -> bool:
        """Whether everything that the log is known to have was handed out."""
        follower = self._follower
        return follower.is_live and not (follower.ready or follower.wants_a_read or follower.is_inside_append)

    def __iter__(self) -> Iterator[Record]:
        for batch in self.batches():
            yield from batch

    def batches(self, most: int = 1000, wait: float = 1.0) -> Iterator[list[Record]]:
        """What there is, about so many records at a time; an empty batch after `wait` seconds without any."""
        while True:
            yield self.next_batch(most, wait)

    def next_batch(self, most: int = 1000, wait: float = 1.0) -> list[Record]:
        """The next records as soon as there are any; none after `wait` seconds.

        They are whole appends: so many records, and the rest of the last one's append.
        """
        ready = self._follower.ready
        end = time.monotonic() + wait
        while not ready and not self._divergence and (left := end - time.monotonic()) > 0:
            with self._keeping_divergence():
                self._advance(left)
        if self._divergence and not ready:
            raise self._divergence
        while len(ready) < most and not self._divergence and not self._follower.wants_a_read and (published := self._published()):
            with self._keeping_divergence():
                self._take_published(published)
        batch: list[Record] = []
        while ready and (len(batch) < most or batch[-1].continues):
            batch.append(ready.popleft())
        return batch

    def close(self) -> None:
        for link in self._links:
            link.close()
        self._requester.close()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _keeping_divergence(self) -> Iterator[None]:
        """Keeps it until the records that came before it, and are proved, are handed out."""
        try:
            yield
        except Diverged as divergence:
            self._divergence = divergence

    def _advance(self, longest: float) -> None:
        """Does one thing, or waits for one, at most so long."""
        now = time.monotonic()
        for link in self._links:
            link.look()
        self._watch_silence(now)
        if self._read and now >= self._read.deadline:
            self._read_failed("it did not answer in time")
        # Rule 2: nothing is read before the first message, which proves that the subscription is live.
        if self._follower.wants_a_read and not self._read and now >= self._read_not_before:
            self._ask()
        if self._read:
            # What is published waits in its socket meanwhile, so that it joins what is read.
            if self._poll(self._requester.socket, min(longest, self._read.deadline - now)):
                self._take_page(self._read)
        else:
            # Before a read is tried again, what is published is heard at least: it tells that the log is there.
            pause = self._read_not_before - now if self._follower.wants_a_read else longest
            if published := self._published(min(longest, pause)):
                self._take_published(published)

    def _published(self, seconds: float | None = None) -> zmq.Socket[bytes] | None:
        """A socket with a message to receive; waits at most this long for one."""
        poller = zmq.Poller()
        for link in self._links:
            poller.register(link.socket, zmq.POLLIN)
        ready = [socket for socket, _ in poller.poll(0 if seconds is None else self._milliseconds(seconds))]
        # Not always the same first: a service that sends much must not starve another one.
        return random.choice(ready) if ready else None

    @classmethod
    def _poll(cls, socket: zmq.Socket[bytes], seconds: float) -> bool:
        return bool(socket.poll(cls._milliseconds(seconds)))

    @staticmethod
    def _milliseconds(seconds: float) -> int:
        # Rounded up, lest the last fraction of a millisecond be spent in a loop; and short enough to watch silence.
        return int(min(max(seconds, 0), SILENCE / 4) * 1000) + 1

    def _ask(self) -> None:
        number = self._requester.send(READ_LOG, struct.pack(">Q", self._follower.read_after) + self._PAGE)
        if number is None:
            self._read_failed("it is not connected")
            return
        self._follower.counts.reads += 1
        self._read = _Read(number, self._follower.position, time.monotonic() + self._READ_DEADLINE)

    def _take_page(self, read: _Read) -> None:
        try:
            reply = self._requester.reply_to(read.number, READ_LOG)
            if reply is None:
                return
            head, records = reply.head(), reply.records()
            reply.finish()
        except Malformed:
            self.counts.malformed += 1
            return
        except Refused as refusal:
            self._read_failed(str(refusal))
            return
        self._heard()
        self._read, self._failures = None, 0
        self._follower.take_page(read.after, head, records)

    def _read_failed(self, reason: str) -> None:
        """Has the read sent again after a pause that grows, with a random part: many subscribers must not march."""
        self._read = None
        self._requester.go_on()
        self._failures += 1
        self.counts.unanswered_reads += 1
        pause = min(0.05 * 2 ** min(self._failures, 10), self._LONGEST_PAUSE) * random.uniform(0.5, 1.0)
        self._read_not_before = time.monotonic() + pause
        logger.debug("reading the log failed: %s; again in %.2f s", reason, pause)

    def _take_published(self, socket: zmq.Socket[bytes]) -> None:
        try:
            message = parse_published(socket.recv_multipart(zmq.NOBLOCK))
        except Malformed:
            self.counts.malformed += 1
            return
        if self._follower.take_published(message):
            self._heard()

    def _heard(self) -> None:
        self._heard_at = time.monotonic()
        if self._is_silent:
            self._is_silent = False
            logger.warning("the log is back")

    def _watch_silence(self, now: float) -> None:
        # One whose records are slow to be used has messages waiting: the log is not silent then.
        if now - self._heard_at < SILENCE or self._published():
            return
        if not self._is_silent:
            self._is_silent = True
            logger.warning("nothing from the log for %g s; waiting for it%s", SILENCE,
                           f": {self.rejection}" if self.rejection else "")  # fmt: skip
        if self.patience is not None and now - self._heard_at >= self.patience:
            raise LogUnreachable(
                self.rejection
                or f"nothing from the log for {self.patience:g} s: see whether it runs and the endpoints are right; "
                "going on from the last checkpoint loses nothing"
            )

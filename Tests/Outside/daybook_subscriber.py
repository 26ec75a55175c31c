"""A subscriber and an appender of Daybook's event log for tests, on the package `daybook_events`.

It shares no code with the services: the package is written from the protocol's specification alone.

    python daybook_subscriber.py tcp://127.0.0.1:5571 tcp://127.0.0.1:5572 [POSITION]

prints every record after the position, verified: position, hash, topic and data.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator

import zmq
from daybook_frames import APPEND, AppendReply, Command, Record, Write, append_body, read_append_reply

# Found by way of daybook_frames, which therefore comes first.
from daybook_events import Checkpoint, Endpoints, Keys, Subscription
from daybook_events import Diverged as Diverged, Refused as Refused
from daybook_events import Requester as Requester


class Subscriber(Iterator[Record]):
    """Follows the log from the record after `after`, one record at a time, so that a test may take what it does not.

    `after` is the last record held, or a position: 0 for the beginning; another one is read and trusted as it is.
    Waits for ever for the next event, but not for a log that says nothing for `patience` seconds.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], events: str, read: str, after: Record | int = 0,
                 receive_queue: int = 1000, patience: float = 60.0, keys: Keys | None = None) -> None:  # fmt: skip
        checkpoint = Checkpoint.of(after) if isinstance(after, Record) else None
        if isinstance(after, int) and after > 0:
            requester = Requester(context, read, patience, keys)
            checkpoint = requester.checkpoint_at(after)
            requester.close()
        self._subscription = Subscription(Endpoints(events, read, keys), checkpoint, patience=patience,
                                          receive_queue=receive_queue, context=context)  # fmt: skip
        self.socket = self._subscription.socket
        self.position = checkpoint.position if checkpoint else 0
        self.log_id = checkpoint.log_id if checkpoint else None
        self.counts = self._subscription.counts
        self._append: deque[Record] = deque()

    def __next__(self) -> Record:
        while not self._append:
            # It waits; and raises when the log has been silent for too long.
            self._append.extend(self._subscription.next_batch(most=1))
        record = self._append.popleft()
        self.position, self.log_id = record.position, record.log_id
        return record

    def up_to(self, position: int) -> Iterator[Record]:
        """The records up to a position, which must come to be."""
        while self.position < position:
            yield next(self)

    def close(self) -> None:
        self._subscription.close()


def append(requester: Requester, *writes: Write, command: Command | None = None) -> AppendReply:
    """Appends to one or more streams, whole or not at all."""
    return read_append_reply(requester.ask(APPEND, append_body(writes, command)))


def received(socket: zmq.Socket[bytes]) -> list[bytes] | None:
    """The next message, if there is one. What `poll` saw may be gone with its connection: nobody is to wait for it."""
    try:
        return socket.recv_multipart(zmq.NOBLOCK)
    except zmq.Again:
        return None


def main(events: str, read: str, after: str = "0") -> None:
    for record in Subscriber(zmq.Context.instance(), events, read, int(after)):
        print(record.position, record.hash.hex(), record.topic.decode(), record.data.decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

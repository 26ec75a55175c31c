"""Watches both logs from outside, as a stranger would: what they publish, and what they say of where the log stands.

Shares no code with the package for subscribers, and follows no leader: each log is asked by itself, and whatever either
says is noted, to be held against the history that there is in the end.
"""

import struct
import threading
import time
from collections import defaultdict
from dataclasses import dataclass

import zmq

_HEADER = struct.Struct(">4sBBH16sQQq16s32s")
_HEAD = struct.Struct(">4sBBHQ")
_STATUS, _STATUS_REPLY = 0x22, 0xA2
# Between two questions to one log.
_PAUSE = 0.03


@dataclass(frozen=True)
class Status:
    log: str
    asked_at: float
    answered_at: float
    position: int
    hash: bytes
    # None from a log that counts no leads.
    epoch: int | None


class Watch:
    """A thread that listens to logs and asks them, until `finish` is called. `logs`: by name, (events, read)."""

    def __init__(self, logs):
        # By position, and by hash: who said so.
        self.said = defaultdict(lambda: defaultdict(set))
        self.statuses = []
        # (time of arrival, log, epoch, position)
        self.heartbeats = []
        self.failure = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(logs,), daemon=True)
        self._thread.start()

    def finish(self):
        self._ended.set()
        self._thread.join()
        if self.failure:
            raise self.failure

    def _run(self, logs):
        context = zmq.Context()
        context.linger = 0
        try:
            self._listen(context, logs)
        except BaseException as error:
            self.failure = error
        finally:
            context.destroy(linger=0)

    def _listen(self, context, logs):
        published, asking, asked = {}, {}, {}
        poller = zmq.Poller()
        for name, (events, read) in logs.items():
            subscriber, requester = context.socket(zmq.SUB), context.socket(zmq.DEALER)
            subscriber.subscribe(b"")
            subscriber.rcvhwm = 0
            # A question must not wait for a log that is gone.
            requester.setsockopt(zmq.IMMEDIATE, 1)
            for socket, endpoint in ((subscriber, events), (requester, read)):
                # A host that was without power is silent about connections that it has forgotten.
                socket.setsockopt(zmq.HEARTBEAT_IVL, 500)
                socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 1500)
                socket.setsockopt(zmq.RECONNECT_IVL, 20)
                socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
                socket.connect(endpoint)
                poller.register(socket, zmq.POLLIN)
            published[subscriber], asking[requester] = name, name
        number, next_time = 0, 0.0
        while not self._ended.is_set():
            if time.monotonic() >= next_time:
                next_time = time.monotonic() + _PAUSE
                for requester in asking:
                    number += 1
                    asked[number] = time.monotonic()
                    try:
                        requester.send(_HEAD.pack(b"DBK1", _STATUS, 0, 0, number), zmq.NOBLOCK)
                    except zmq.Again:
                        # Nobody is there.
                        pass
            for socket, _ in poller.poll(20):
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    # It went with its connection.
                    continue
                if socket in published:
                    self._note_published(published[socket], frames)
                else:
                    for frame in frames:
                        self._note_reply(asking[socket], frame, asked)

    def _note_published(self, log, frames):
        header = _HEADER.unpack(frames[1][: _HEADER.size])
        kind, position, version, digest = header[1], header[5], header[6], header[9]
        what = "published" if kind == 1 else "heartbeat"
        self.said[position][digest].add((log, what))
        if kind == 2:
            self.heartbeats.append((time.monotonic(), log, version, position))

    def _note_reply(self, log, frame, asked):
        _, kind, flags, _, number = _HEAD.unpack(frame[: _HEAD.size])
        if kind != _STATUS_REPLY:
            # A refusal says nothing about the log.
            return
        body = frame[_HEAD.size :]
        position, digest = struct.unpack(">Q32s", body[16:56])
        # Behind the time at the head.
        epoch = struct.unpack(">Q", body[64:72])[0] if flags & 1 else None
        self.said[position][digest].add((log, "status"))
        self.statuses.append(Status(log, asked[number], time.monotonic(), position, digest, epoch))

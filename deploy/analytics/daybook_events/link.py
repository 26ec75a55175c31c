"""A connection to one of the log's sockets that outlives a failed handshake."""

from __future__ import annotations

import time
from collections.abc import Callable

import zmq
from zmq.utils.monitor import recv_monitor_message

from daybook_events.keys import Keys

LARGEST_FRAME = 16 << 20  # Section 10: what a peer should allow.

_FAILURES = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_FEW_FAILURES = 3
_MECHANISM_MISMATCH = 0x11000002  # ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH


def configure(socket: zmq.Socket[bytes]) -> None:
    """What every socket of a peer is given before it connects (section 11)."""
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_FRAME)
    socket.setsockopt(zmq.RECONNECT_IVL, 100)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
    # Finds a machine that vanished. Not ZMTP's own heartbeats: they can end the process (section 13).
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
    socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, 2)
    socket.setsockopt(zmq.TCP_KEEPALIVE_INTVL, 2)
    socket.setsockopt(zmq.TCP_KEEPALIVE_CNT, 3)


class Link:
    """A socket that connects to one endpoint, and is made anew where a handshake fails: libzmq gives an endpoint up whose
    other side refuses it, or speaks with another mechanism."""

    _LONGEST_PAUSE = 2.0

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        kind: int,
        endpoint: str,
        keys: Keys | None,
        prepare: Callable[[zmq.Socket[bytes]], None],
    ) -> None:
        """`prepare` is called with each socket before it connects."""
        self._context, self._kind, self._endpoint, self._keys = context, kind, endpoint, keys
        self._prepare = prepare
        self._failed = 0
        self._again_at: float | None = None
        self.rejection: str | None = None
        self._connect()

    def look(self) -> None:
        """Takes in what became of handshakes, and connects again where one failed; never waits."""
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)
            if event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._failed, self.rejection, self._again_at = 0, None, None
            elif self._again_at is None:
                self._failed += 1
                # One that ends without a word does not take back what another attempt has told.
                self.rejection = self._meaning(event["event"], event["value"]) or self.rejection
                self._again_at = time.monotonic() + min(0.05 * 2 ** min(self._failed, 10), self._LONGEST_PAUSE)
        if self._again_at is not None and time.monotonic() >= self._again_at:
            self.close()
            self._again_at = None
            self._connect()

    def close(self) -> None:
        self.socket.disable_monitor()
        self._monitor.close(linger=0)
        self.socket.close(linger=0)

    def _connect(self) -> None:
        self.socket = self._context.socket(self._kind)
        configure(self.socket)
        if self._keys:
            self._keys.apply(self.socket)
        self._prepare(self.socket)
        self._monitor = self.socket.get_monitor_socket(_FAILURES | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.socket.connect(self._endpoint)

    def _meaning(self, event: int, value: int) -> str | None:
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            return f"the log at {self._endpoint} refuses this key: it is not in EVENT_LOG_PEERS, or its role is another one"
        if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL and value == _MECHANISM_MISMATCH:
            return (
                f"whoever answers at {self._endpoint} does not speak CURVE"
                if self._keys
                else f"the log at {self._endpoint} demands CURVE: set EVENT_LOG_PUBLIC_KEY and PEER_SECRET_KEY"
            )
        if self._keys:
            return f"the log at {self._endpoint} has another key than EVENT_LOG_PUBLIC_KEY, or is busy"
        # A log that demands keys ends the connection at once; whether it tells its mechanism before is chance.
        if self._failed < _FEW_FAILURES:
            return None
        return (
            f"the log at {self._endpoint} ends each handshake: if it demands CURVE, set EVENT_LOG_PUBLIC_KEY and "
            "PEER_SECRET_KEY"
        )

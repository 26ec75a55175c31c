"""A peer that speaks ZMTP byte by byte, so that it can say what no library would (ZeroMQ RFC 23)."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterable

from daybook_services import PATIENCE


def greeting(major: int = 3) -> bytes:
    return b"\xff" + bytes(8) + b"\x7f" + bytes([major, 0]) + b"NULL".ljust(20, b"\0") + bytes(32)


def frame(body: bytes, more: bool = False) -> bytes:
    """A frame of a message."""
    if len(body) < 256:
        return bytes([more, len(body)]) + body
    return bytes([more | 2]) + struct.pack(">Q", len(body)) + body


def message(frames: Iterable[bytes]) -> bytes:
    """A whole message."""
    parts = list(frames)
    return b"".join(frame(part, index + 1 < len(parts)) for index, part in enumerate(parts))


def legacy_frame(body: bytes) -> bytes:
    """A frame of ZMTP 1.0: its length counts the flags."""
    size = len(body) + 1
    return (bytes([size]) if size < 255 else b"\xff" + struct.pack(">Q", size)) + b"\0" + body


def ready(kind: str, routing_id: bytes | None) -> bytes:
    def item(name: bytes, value: bytes) -> bytes:
        return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value

    body = b"\5READY" + item(b"Socket-Type", kind.encode())
    if routing_id is not None:
        body += item(b"Identity", routing_id)
    return (b"\4" + bytes([len(body)]) if len(body) < 256 else b"\6" + struct.pack(">Q", len(body))) + body


class RawPeer:
    """A connection to one of the log's sockets, with its handshake done, or only sent (`wait`)."""

    def __init__(
        self,
        endpoint: str,
        kind: str = "DEALER",
        routing_id: bytes = b"",
        receive_buffer: int | None = None,
        wait: bool = True,
    ) -> None:
        self.socket = connect(endpoint, receive_buffer)
        self.socket.sendall(greeting() + ready(kind, None if kind == "SUB" else routing_id))
        self._rest = b""
        if wait:
            self._take(64)
            self._frame()

    def send(self, *frames: bytes) -> None:
        self.socket.sendall(message(frames))

    def receive(self) -> list[bytes]:
        """The frames of the next message."""
        frames = []
        while True:
            flags, body = self._frame()
            if not flags & 4:
                frames.append(body)
                if not flags & 1:
                    return frames

    def is_ended(self) -> bool:
        """Whether the log has ended the connection, as far as it can be seen without waiting."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(1 << 20):
                pass
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.socket.setblocking(True)
            self.socket.settimeout(PATIENCE)

    def flood(self, block: bytes, limit: int, over: threading.Event | None = None) -> int:
        """Sends a block again and again, until that fails, the log takes nothing for 20 s, so many bytes are sent, or it is
        `over`; gives how many were sent."""
        sent, waits = 0, self.socket.gettimeout()
        self.socket.settimeout(min(20.0, waits or 20.0))
        try:
            while sent < limit and not (over and over.is_set()):
                self.socket.sendall(block)
                sent += len(block)
        except OSError:
            pass
        finally:
            self.socket.settimeout(waits)
        return sent

    def close(self, abruptly: bool = False) -> None:
        if abruptly:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _take(self, count: int) -> bytes:
        while len(self._rest) < count:
            received = self.socket.recv(1 << 16)
            if not received:
                raise EOFError("the log has ended the connection")
            self._rest += received
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _frame(self) -> tuple[int, bytes]:
        flags = self._take(1)[0]
        size = struct.unpack(">Q", self._take(8))[0] if flags & 2 else self._take(1)[0]
        return flags, self._take(size)


def connect(endpoint: str, receive_buffer: int | None = None) -> socket.socket:
    """A TCP connection to an endpoint, and nothing said yet."""
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    made = socket.socket()
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.settimeout(PATIENCE)
    made.connect((host, int(port)))
    return made

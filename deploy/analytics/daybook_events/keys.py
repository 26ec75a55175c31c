"""By which keys the log and a subscriber know each other (section 12 of the specification)."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

import zmq
import zmq.utils.z85

from daybook_events.failures import KeyRefused

# Settings that are not set; the services write them so.
NONE = ("", "none")


@dataclass(frozen=True)
class Keys:
    """The log's public key, and the subscriber's own pair: 40 characters of Z85 each."""

    log: bytes
    public: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def from_environment(cls) -> Keys | None:
        """The keys by the names that the services use themselves; None if neither is set."""
        log = os.environ.get("EVENT_LOG_PUBLIC_KEY", "")
        path = os.environ.get("PEER_SECRET_KEY", "")
        if log in NONE and path in NONE:
            return None
        if log in NONE or path in NONE:
            raise KeyRefused("EVENT_LOG_PUBLIC_KEY and PEER_SECRET_KEY go together, and only one of them is set")
        return cls.load(log, path)

    @classmethod
    def load(cls, log: str, path: str) -> Keys:
        """The log's public key, and the secret one in a file that nobody but its owner may read."""
        secret = _secret(os.path.expanduser(path))
        try:
            return cls(_key(log), zmq.curve_public(secret), secret)
        except ValueError as error:
            raise KeyRefused("EVENT_LOG_PUBLIC_KEY is no key, which has 40 characters of Z85") from error

    def apply(self, socket: zmq.Socket[bytes]) -> None:
        """Gives a socket the keys; before it connects."""
        socket.setsockopt(zmq.CURVE_SERVERKEY, self.log)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.secret)


def _key(text: str | bytes) -> bytes:
    key = text.encode() if isinstance(text, str) else text
    if len(key) != 40:
        raise ValueError("a key has 40 characters")
    zmq.utils.z85.decode(key)
    return key


def _secret(path: str) -> bytes:
    try:
        # No symbolic link is followed, and no FIFO waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeyRefused(f"cannot read the secret key {path}: {error.strerror}") from error
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyRefused(f"{path} is no file")
        if status.st_mode & 0o077:
            raise KeyRefused(f"others than its owner may use the secret file {path}: chmod 600 it")
        if status.st_uid not in (os.geteuid(), 0) and os.geteuid() != 0:
            raise KeyRefused(f"the secret file {path} belongs to another user")
        text = file.read(256).rstrip(b"\r\n ")
    try:
        return _key(text)
    except ValueError:
        # Nothing of the file is in the error.
        raise KeyRefused(f"the file {path} holds no secret key, which is 40 characters of Z85") from None

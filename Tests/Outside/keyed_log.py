"""A log that demands keys, and peers that have some."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import zmq
from daybook_frames import APPEND, Event, Write, append_body, read_append_reply
from daybook_services import PATIENCE, PROGRAMS, Services

# Found by way of daybook_frames, which therefore comes first.
from daybook_events import Endpoints, Keys, Requester, Subscription

ROLES = ("append", "operate", "read")


class KeyedServices(Services):
    """Services whose log demands keys; each peer has a name, a role and a pair of keys."""

    def __init__(self, **roles: str) -> None:
        """Peers by their names, with their roles. The gateway and the query service are among them."""
        super().__init__()
        self.folder = self.directory / "keys"
        self.folder.mkdir(mode=0o700)
        self.peers_file = self.folder / "peers"
        self.public: dict[str, str] = {}
        self.roles = {"gateway": "append", "query": "read"} | roles
        for name in ("log", *self.roles):
            self.make_key(name)
        self.write_peers()
        self.own_settings = {
            "event-log-service": {
                "EVENT_LOG_SECRET_KEY": str(self.key_file("log")), "EVENT_LOG_PEERS": str(self.peers_file),
                "AUDIT_LOG": str(self.directory / "audit.jsonl"),
            },
            "command-service": self.peer_settings("gateway"),
            "query-service": self.peer_settings("query"),
        }  # fmt: skip

    def make_key(self, name: str) -> None:
        """Makes a pair of keys; the peer has no role yet."""
        public, secret = (half.decode() for half in zmq.curve_keypair())
        self.public[name] = public
        descriptor = os.open(self.key_file(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:
            file.write(secret + "\n")

    def key_file(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def peer_settings(self, name: str) -> dict[str, str]:
        return {"EVENT_LOG_PUBLIC_KEY": self.public["log"], "PEER_SECRET_KEY": str(self.key_file(name))}

    def keys(self, name: str) -> Keys:
        return Keys.load(self.public["log"], str(self.key_file(name)))

    def write_peers(self, text: str | None = None) -> None:
        """Writes the file of peers, at once: what their roles say, or a text."""
        if text is None:
            lines = [{"name": name, "role": role, "key": self.public[name]} for name, role in self.roles.items()]
            text = "".join(json.dumps(line) + "\n" for line in lines)
        fresh = self.folder / "peers.new"
        fresh.write_text(text)
        fresh.chmod(0o600)
        fresh.rename(self.peers_file)

    def figure(self, name: str) -> int:
        return int(self.readiness()[name])

    def audit(self) -> list[dict[str, object]]:
        """The lines of the audit log."""
        path = self.directory / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def tool(self, *arguments: str, peer: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs `daybook`, with the key of a peer."""
        settings = self.environment() | (self.peer_settings(peer) if peer else {})
        return subprocess.run(
            [PROGRAMS / "daybook", *arguments], cwd=self.directory, env=settings, capture_output=True, text=True,
            timeout=PATIENCE, check=False)  # fmt: skip

    @contextmanager
    def requester(self, socket: str, name: str | None, patience: float = PATIENCE) -> Iterator[Requester]:
        """A requester at the append or the read socket, with the key of a peer."""
        endpoint = {"append": self.append, "read": self.read}[socket]
        requester = Requester(zmq.Context.instance(), endpoint, patience, self.keys(name) if name else None)
        try:
            yield requester
        finally:
            requester.close()

    @contextmanager
    def subscription(self, name: str | None, patience: float | None = PATIENCE) -> Iterator[Subscription]:
        places = Endpoints(self.events, self.read, self.keys(name) if name else None)
        with Subscription(places, patience=patience) as subscription:
            yield subscription


def one_event(stream: str = "account/acc-001") -> bytes:
    """The body of an append of one event."""
    return append_body([Write(stream, None, [Event(uuid4(), "Noted", b"{}")])])


def append_one(requester: Requester) -> int:
    """Appends an event; gives its position."""
    reply = read_append_reply(requester.ask(APPEND, one_event()))
    assert reply.result == "committed", reply
    return reply.position



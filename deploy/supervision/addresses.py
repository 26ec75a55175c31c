"""The addresses at which services listen: whether they are free, and whether a service answers there."""

import errno
import http.client
import os
import socket
import ssl
from dataclasses import dataclass

import secure

# Which settings a process listens at. The others of that kind tell it where another process does.
_LISTENS_AT = {
    "event-log": [
        "EVENT_LOG_APPEND_ENDPOINT", "EVENT_LOG_EVENTS_ENDPOINT", "EVENT_LOG_READ_ENDPOINT", "EVENT_LOG_HTTP_ADDRESS",
    ],
    "query": ["QUERY_HTTP_ADDRESS"],
    "command": ["COMMAND_HTTP_ADDRESS"],
}  # fmt: skip


@dataclass(frozen=True)
class Address:
    """HOST:PORT, as a setting has it."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        host, _, port = text.rpartition(":")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def reachable(self) -> "Address":
        """Where this machine reaches what listens there: a wildcard is no address to connect to."""
        loopback = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}
        return Address(loopback.get(self.host, self.host), self.port)


@dataclass(frozen=True)
class Health:
    """Where a service tells of its health."""

    address: Address
    tls: ssl.SSLContext | None
    # Who has no certificate learns nothing from it but that it is there.
    demands_certificate: bool

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.address.reachable}"


def of_health(settings: dict[str, dict[str, str]]) -> dict[str, Health]:
    """Where each service tells of its health, by the name of its process."""
    return {
        name: Health(
            Address.parse(settings[name][listens_at[-1]]), secure.context(settings[name]),
            secure.is_on(settings[name].get("HTTP_TLS_CLIENT_CA")),
        )
        for name, listens_at in _LISTENS_AT.items() if name in settings
    }  # fmt: skip


def why_not_free(settings: dict[str, dict[str, str]]) -> str | None:
    """Why a service could not listen at its address; None if all can."""
    bound = []
    try:
        for process, names in _LISTENS_AT.items():
            for name in names:
                value = settings.get(process, {}).get(name, "")
                if not value or value.startswith("ipc://"):
                    continue
                address = Address.parse(value.removeprefix("tcp://"))
                if address.port == 0:
                    return f"{name} has port 0: nobody would know where to reach it; set another port"
                earlier = next((other for at, other in bound if at == address), None)
                if earlier:
                    return f"{earlier} and {name} are both {address}: set another address for one of them"
                if reason := _why_not_bound(address):
                    return f"{name} is {address}: {reason}"
                bound.append((address, name))
    except ValueError as error:
        return f"cannot read an address: {error}"
    return None


def _why_not_bound(address: Address) -> str | None:
    host = "0.0.0.0" if address.host == "*" else address.host
    try:
        candidates = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        # The name of a network interface, which libzmq knows; or nothing, which the service will say.
        return None
    family, kind, protocol, _, where = candidates[0]
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            # With SO_REUSEADDR, only listening tells that somebody else listens already.
            probe.listen(1)
    except OSError as error:
        return {
            errno.EADDRINUSE: "the port is taken by another program: stop it or set another address (README, Settings)",
            errno.EACCES: "no permission to listen at this port: set one above 1023 (README, Settings)",
            errno.EADDRNOTAVAIL: "this is no address of this machine: set another one (README, Settings)",
        }.get(error.errno, os.strerror(error.errno or 0))
    return None


def is_ready(health: Health) -> bool:
    """Whether the service at an address says that it can do its job."""
    at = health.address.reachable
    if health.tls:
        connection = http.client.HTTPSConnection(at.host, at.port, timeout=5, context=health.tls)
    else:
        connection = http.client.HTTPConnection(at.host, at.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except ssl.SSLError:
        return health.demands_certificate
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

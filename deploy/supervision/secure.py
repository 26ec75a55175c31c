"""What a secured Daybook needs to be told beside its settings; deploy/secure.sh makes the files."""

import os
import ssl
from pathlib import Path

FOLDER = Path("data/secure")


def variables(process: str, root: Path) -> dict[str, str]:
    """The environment of a process of the Procfile: the key by which the event log knows it, if it has one.

    It wins over a PEER_SECRET_KEY of the environment, which would give all processes one key, and so one role: that of
    daybook, by deploy/secure.sh. All other secrets are the same for all, and stand in the environment that deploy/up made.
    """
    key = FOLDER / f"{process}.key"
    # The log's key is no peer's.
    if process == "event-log" or not is_secured(root) or not (root / key).exists():
        return {}
    return {"PEER_SECRET_KEY": str(key)}


def environment(process: str, root: Path) -> dict[str, str]:
    return os.environ | variables(process, root)


def is_secured(root: Path) -> bool:
    return (root / FOLDER / "settings.env").exists()


def how_to_follow(settings: dict[str, str]) -> str:
    """How a subscriber connects with pyzmq, who has its own key."""
    return f"""
MANAGER is the manager's token, which deploy/up --secure has shown; other roles have tokens of their own (README, Secure
it). To follow the log with pyzmq:

    import zmq
    secret = open("{FOLDER}/subscriber.key", "rb").read().strip()
    socket = zmq.Context().socket(zmq.SUB)
    socket.curve_serverkey = b"{settings.get("EVENT_LOG_PUBLIC_KEY", "")}"
    socket.curve_publickey, socket.curve_secretkey = zmq.curve_public(secret), secret
    socket.connect("{settings.get("EVENT_LOG_EVENTS_ENDPOINT", "")}")
    socket.subscribe(b"account/")

For daybook, let a shell read the settings: set -a; . {FOLDER}/settings.env; set +a"""


def context(settings: dict[str, str]) -> ssl.SSLContext | None:
    """How a service with these settings is asked for its health; None without TLS.

    Nothing secret is said and nothing but the health is learned, so it does not matter who made the certificate.
    """
    if not is_on(settings.get("HTTP_TLS_CERTIFICATE")):
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def is_on(value: str | None) -> bool:
    return value not in (None, "", "none")

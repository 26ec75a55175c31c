"""Snapshots as the services sign them: HMAC-SHA256 under the key in `data/snapshot.key`, after the snapshot's state."""

import hashlib
import hmac
import struct

SCHEMA = hashlib.sha256(b"account: owner, currency, balance, events, limits, freeze, holds, reversals; 2").digest()
DIGEST_LENGTH = 32


def secret_of(daybook):
    return (daybook.directory / "data" / "snapshot.key").read_bytes()


def fingerprint(secret, schema=SCHEMA):
    """Under what the services of one key find their snapshots."""
    return hmac.digest(secret, b"daybook snapshot fingerprint 1\n" + schema, "sha256")


def seal(content, secret):
    """The last line of a checkpoint, over all lines before it."""
    key = hmac.digest(secret, b"daybook key for checkpoint\n", "sha256")
    return b"hmac-sha256 " + hmac.digest(key, content, "sha256").hex().encode() + b"\n"


def signed(state, secret, log_id, account, version, last_event, created_at, updated_at, schema=SCHEMA):
    """The state with the digest after it."""

    def text(value):
        return struct.pack(">I", len(value)) + value

    message = text(b"daybook snapshot 1") + log_id + text(b"account") + text(account.encode()) + schema
    message += struct.pack(">Q", version) + last_event + struct.pack(">qq", created_at, updated_at) + text(state)
    return state + hmac.digest(secret, message, "sha256")

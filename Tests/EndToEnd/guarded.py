"""Services that ask who their clients are: tokens, JSON Web Tokens, and raw HTTP over TLS."""

import base64
import hashlib
import json
import secrets
import socket
import ssl
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from client import TIMEOUT
from whole_files import write_lines, write_whole

ROLES = ("reader", "teller", "manager", "auditor", "operator")


class Tokens:
    """A file of tokens, one of each role; more can be added and taken away."""

    def __init__(self, path):
        self.path = path
        self._lines = {}
        self.texts = {}
        for role in ROLES:
            self.add(role, role, writes=False)
        self.write()

    def add(self, name, role, writes=True, **members):
        text = self.texts[name] = "dbk_" + secrets.token_urlsafe(32)
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._lines[name] = {"name": name, "role": role, "sha256": digest} | members
        if writes:
            self.write()
        return text

    def revoke(self, name):
        del self._lines[name]
        self.write()

    def write(self):
        write_lines(self.path, self._lines.values())

    def header(self, name):
        """The header fields of a request that shows a token."""
        return {"Authorization": f"Bearer {self.texts[name]}"}


class Issuer:
    """Makes JSON Web Tokens, and the file of its public keys."""

    def __init__(self, path, name="https://issuer.example", audience="daybook"):
        self.path, self.name, self.audience = path, name, audience
        self._key = ec.generate_private_key(ec.SECP256R1())
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "one",
            "x": _base64(numbers.x.to_bytes(32, "big")), "y": _base64(numbers.y.to_bytes(32, "big")),
        }
        write_whole(path, json.dumps({"keys": [key]}))

    @property
    def settings(self):
        return {"ACCESS_JWKS": self.path, "ACCESS_ISSUER": self.name, "ACCESS_AUDIENCE": self.audience}

    def token(self, role="manager", name="robot", seconds=300, **claims):
        now = int(time.time())
        body = {
            "iss": self.name, "aud": self.audience, "sub": name, "iat": now, "exp": now + seconds, "daybook_role": role,
            "jti": secrets.token_hex(8),
        } | claims
        signed = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "ES256", "kid": "one"}, body))
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def header(self, *arguments, **claims):
        return {"Authorization": f"Bearer {self.token(*arguments, **claims)}"}


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def connect(port, context=None, timeout=TIMEOUT):
    """A connection to a service, over TLS if there is a context of it."""
    connection = socket.create_connection(("127.0.0.1", port), timeout)
    if context is None:
        return connection
    try:
        return context.wrap_socket(connection, server_hostname="localhost")
    except BaseException:
        connection.close()
        raise


def trusting(authority, *own):
    """A context of TLS that trusts an authority, and shows a certificate with its key if there is one."""
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if own:
        context.load_cert_chain(*map(str, own))
    return context


def head(method, target, headers={}, **fields):
    """The bytes of a request's head. Fields may be lists of values."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
    for name, value in (headers | fields).items():
        for one in value if isinstance(value, list) else [value]:
            lines.append(f"{name.replace('_', '-')}: {one}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_until(connection, marker):
    received = b""
    while marker not in received:
        part = connection.recv(65536)
        assert part, f"the connection ended before {marker!r}: {received!r}"
        received += part
    return received


def read_to_end(connection):
    received = b""
    while True:
        try:
            part = connection.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return received
        if not part:
            return received
        received += part

"""The secured form of the services under test: TLS, tokens and CURVE, as DAYBOOK_SECURED=1 asks for.

All end-to-end and fault tests run in this form as they do in the open one: a client of `client.py` shows the token whose
role a request needs, and a peer of the log is given a key. What has no meaning in this form is marked `open_only`.
"""

import atexit
import hashlib
import http.client
import os
import re
import secrets
import ssl
import struct
import tempfile
from functools import cache
from pathlib import Path

import zmq

from whole_files import write_lines, write_whole

IS_SECURED = os.environ.get("DAYBOOK_SECURED") == "1"
SCHEME = "https" if IS_SECURED else "http"

ROLES = ("reader", "teller", "manager", "auditor", "operator")
# The peers of the log: what each may do there.
PEERS = {
    "command-service": "append", "query-service": "read", "daybook": "operate", "appender": "append",
    "subscriber": "read",
}  # fmt: skip


class Secrets:
    """A whole set of secrets of the services, and of their clients and peers, in a folder of its own."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        # Not there where the open form alone is used, as by benchmarks.
        from certificates import Authority

        self.authority = Authority(self.folder)
        self.certificate, self.certificate_key = self.authority.issue_server(self.folder)
        self.tokens_file = self.folder / "tokens.jsonl"
        self.tokens = {role: new_token() for role in ROLES}
        self.token_files = {role: self.folder / f"{role}.token" for role in ROLES}
        for role, token in self.tokens.items():
            write_whole(self.token_files[role], token + "\n")
        self.write_tokens()
        self.log_public, log_secret = (half.decode() for half in zmq.curve_keypair())
        self.log_key_file = self.folder / "event-log.key"
        write_whole(self.log_key_file, log_secret + "\n")
        self.peers_file = self.folder / "peers.jsonl"
        self.peers = {name: tuple(half.decode() for half in zmq.curve_keypair()) for name in PEERS}
        self.peer_files = {}
        for name, (_, secret) in self.peers.items():
            self.peer_files[name] = self.folder / f"{name}.key"
            write_whole(self.peer_files[name], secret + "\n")
        self.write_peers()
        self.context = ssl.create_default_context(cafile=str(self.authority.certificate))
        self.raw_context = ssl.create_default_context(cafile=str(self.authority.certificate))
        self.raw_context.sslsocket_class = TokenSocket

    def write_tokens(self, *further):
        """The file of tokens: one of each role, and others as `token_line` makes them."""
        lines = [token_line(f"test-{role}", role, token) for role, token in self.tokens.items()]
        write_lines(self.tokens_file, [*lines, *further])

    def write_peers(self, *further, without=()):
        """The file of the log's peers, but for some."""
        lines = [
            {"name": name, "role": PEERS[name], "key": public}
            for name, (public, _) in self.peers.items() if name not in without
        ]  # fmt: skip
        write_lines(self.peers_file, [*lines, *further])

    @property
    def settings(self):
        """What all programs are told. The key and the token are the tool's; each service has a key of its own."""
        return {
            "HTTP_TLS_CERTIFICATE": self.certificate,
            "HTTP_TLS_PRIVATE_KEY": self.certificate_key,
            "QUERY_URL_CA": self.authority.certificate,
            "ACCESS_TOKENS": self.tokens_file,
            "EVENT_LOG_SECRET_KEY": self.log_key_file,
            "EVENT_LOG_PEERS": self.peers_file,
            "EVENT_LOG_PUBLIC_KEY": self.log_public,
            "PEER_SECRET_KEY": self.peer_files["daybook"],
            "DAYBOOK_CA": self.authority.certificate,
            "DAYBOOK_TOKEN_FILE": self.token_files["auditor"],
        }

    def settings_of_tool(self, command):
        """What `daybook` is told instead of that: the token of a role that may use a command."""
        role = {"post": "manager", "rebuild": "operator"}.get(command, "auditor")
        return {"DAYBOOK_TOKEN_FILE": self.token_files[role]}

    def settings_of(self, program):
        """What a program is told instead of that."""
        return {"PEER_SECRET_KEY": self.peer_files[program]} if program in self.peer_files else {}

    def token_for(self, method, path):
        """The token of a role that may ask for it."""
        path = re.sub("^https?://[^/]*", "", path).partition("?")[0]
        if method == "POST" and path.startswith(("/accounts", "/commands")):
            return self.tokens["manager"]
        if path.startswith(("/events", "/totals")):
            return self.tokens["auditor"]
        if path.startswith(("/metrics", "/projections")):
            return self.tokens["operator"]
        return self.tokens["manager"]

    def make_client(self, socket, name="appender"):
        """Gives a ZeroMQ socket that will connect to the log the key of a peer."""
        socket.curve_serverkey = self.log_public.encode()
        socket.curve_publickey, socket.curve_secretkey = (half.encode() for half in self.peers[name])

    def make_server(self, socket):
        """Lets a ZeroMQ socket that will be bound stand in for the log: it takes whoever knows the log's key."""
        socket.curve_server = True
        socket.curve_secretkey = self.log_key_file.read_text().strip().encode()


def new_token():
    return secrets.token_urlsafe(32)


def token_line(name, role, token, **members):
    return {"name": name, "role": role, "sha256": hashlib.sha256(token.encode()).hexdigest()} | members


@cache
def shared():
    """The secrets of all services of this process, in the secured form."""
    folder = tempfile.TemporaryDirectory(prefix="daybook-secrets-")
    atexit.register(folder.cleanup)
    return Secrets(folder.name)


def add_marker(config):
    config.addinivalue_line("markers", "open_only(reason): has no meaning in the secured form")


def skip_what_is_open_only(items):
    import pytest

    for item in items if IS_SECURED else ():
        if marker := item.get_closest_marker("open_only"):
            item.add_marker(pytest.mark.skip(reason=f"not in the secured form: {marker.args[0]}"))


def default():
    """The secrets that clients and services have unless they are given others; None in the open form."""
    return shared() if IS_SECURED else None


def url(port, path=""):
    return f"{SCHEME}://127.0.0.1:{port}{path}"


def authorization(method, path):
    """The header field of a request; none in the open form."""
    return {"Authorization": f"Bearer {shared().token_for(method, path)}"} if IS_SECURED else {}


def settings_of_tool(command):
    """What `daybook` is told beside the settings of the services; nothing in the open form."""
    return shared().settings_of_tool(command) if IS_SECURED else {}


def actor():
    """What events say of whoever sends commands through the harness; nothing in the open form."""
    return {"actor": "test-manager"} if IS_SECURED else {}


def stored_key(key):
    """An idempotency key of the harness's own client, as the log has it: scoped to the actor, if there is one."""
    if not (name := actor().get("actor", "").encode()):
        return key
    return b"\1" + hashlib.sha256(struct.pack(">I", len(name)) + name + key).digest()


def context():
    """By which a client trusts the services; None in the open form."""
    return shared().context if IS_SECURED else None


def prepare(session):
    """Lets a session of `requests` trust the services, and show the token that each request needs."""

    def authorize(request):
        request.headers.update(authorization(request.method, request.path_url))
        return request

    if IS_SECURED:
        # Else the machine's own choice of authorities may win.
        session.trust_env = False
        session.verify = str(shared().authority.certificate)
        session.auth = authorize


def curl_options(method, path):
    """What curl is told beside the request."""
    if not IS_SECURED:
        return []
    (field,) = authorization(method, path).items()
    return ["--cacert", str(shared().authority.certificate), "-H", ": ".join(field)]


def curl_settings(method, path):
    """The same as lines of curl's own settings file."""
    if not IS_SECURED:
        return ""
    (field,) = authorization(method, path).items()
    return f'cacert = "{shared().authority.certificate}"\nheader = "{": ".join(field)}"\n'


def tokens_by_role():
    """The tokens for a program of the test's own, in its environment."""
    return {f"TEST_TOKEN_{role.upper()}": token for role, token in shared().tokens.items()} if IS_SECURED else {}


def connect_socket(socket, endpoint, name="appender"):
    """Connects a ZeroMQ socket of the test with the log."""
    if IS_SECURED:
        shared().make_client(socket, name)
    socket.connect(endpoint)


def stand_in(socket):
    """What is to be done to a ZeroMQ socket before it is bound in the log's place."""
    if IS_SECURED:
        shared().make_server(socket)


def keys(name):
    """The keys of a peer for the package `daybook_events`; None in the open form."""
    if not IS_SECURED:
        return None
    # Not there where benchmarks are run.
    from daybook_events import Keys

    return Keys.load(shared().log_public, str(shared().peer_files[name]))


# ---- connections of a test's own

_REQUEST_LINE = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) ([^\r\n]*) HTTP/1\.[01]\r\n")


def authorized(sent):
    """Bytes of requests, each with the token that it needs."""

    def with_token(found):
        token = shared().token_for(found[1].decode(), found[2].decode("latin-1"))
        return found[0] + b"Authorization: Bearer " + token.encode() + b"\r\n"

    return _REQUEST_LINE.sub(with_token, sent)


class TokenSocket(ssl.SSLSocket):
    """A connection over TLS that puts a token into each request whose bytes are sent over it."""

    def send(self, data, *arguments):
        whole = authorized(bytes(data))
        sent = super().send(whole, *arguments)
        # In bytes that the caller gave.
        return max(0, sent - (len(whole) - len(data)))

    def sendall(self, data, *arguments):
        rest = memoryview(authorized(bytes(data)))
        while rest:
            rest = rest[super().send(rest, *arguments) :]


def secure(connection, adds_tokens=True, secrets=None):
    """Speaks TLS over a TCP connection; in the open form that is the connection itself."""
    if not (secrets := secrets or default()):
        return connection
    context = secrets.raw_context if adds_tokens else secrets.context
    return context.wrap_socket(connection, server_hostname="127.0.0.1")


class HTTPSConnection(http.client.HTTPSConnection):
    """As of the library, with a token in each request that has none."""

    def __init__(self, port, timeout, secrets):
        super().__init__("127.0.0.1", port, timeout=timeout, context=secrets.context)
        self._secrets = secrets
        self._has_token = False

    def request(self, method, url, body=None, headers={}, **keywords):
        self._has_token = any(name.lower() == "authorization" for name in headers)
        super().request(method, url, body, headers, **keywords)

    def putrequest(self, method, url, *arguments, **keywords):
        super().putrequest(method, url, *arguments, **keywords)
        if not self._has_token:
            self.putheader("Authorization", f"Bearer {self._secrets.token_for(method, url)}")

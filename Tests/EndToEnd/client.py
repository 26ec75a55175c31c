"""A small HTTP client for tests: it keeps connections open, keeps numbers exact, and never waits for ever."""

import http.client
import json
import select
import socket
import threading
import time
from decimal import Decimal
from uuid import uuid4

import secured

# Longer than services wait with the settings `services.PATIENT`, so that what they say in the end is heard.
TIMEOUT = 90.0


class NoAnswer(Exception):
    """There was no whole answer: the connection was refused, broken or too slow. What was done is unknown."""


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        """The body, numbers exact: a fraction never becomes a binary floating-point number."""
        return json.loads(self.body, parse_float=Decimal)

    @property
    def position(self):
        return int(self.headers["Daybook-Position"])

    def __repr__(self):
        headers = ", ".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"<{self.status} [{headers}] {self.body[:2000]!r}>"


class Client:
    """Speaks HTTP with one port of this machine, or (host, port), over one connection per thread; with TLS and tokens if
    given secrets."""

    # Whether a query that says nothing of its own wait is asked again as long as the query service has not reached what
    # it must show: on a busy machine that may take longer than the 2 s of the contract.
    catches_up = False

    def __init__(self, port, secrets=None):
        self.port = port
        self._secrets = secrets
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections = []

    def get(self, path, headers={}, timeout=TIMEOUT, catches_up=None):
        end = time.monotonic() + timeout
        while True:
            answer = self.request("GET", path, headers=headers, timeout=timeout)
            waits = self.catches_up if catches_up is None else catches_up
            if not waits or "wait=" in path or not _is_behind(answer) or time.monotonic() > end:
                return answer
            time.sleep(0.05)

    def post(self, account, command, timeout=TIMEOUT, headers={}):
        """Sends a command: a dictionary, or a text or bytes that are sent as they are."""
        if isinstance(command, dict):
            command = json.dumps(command, default=_exact)
        if isinstance(command, str):
            command = command.encode()
        headers = {"Content-Type": "application/json"} | headers
        return self.request("POST", f"/accounts/{account}", command, headers, timeout)

    def open(self, account, balance="0", owner="Alice", **fields):
        answer = self.post(account, {"type": "OpenAccount", "owner": owner, "initial_balance": balance} | fields)
        assert answer.status == 201, answer
        return answer

    def deposit(self, account, amount, timeout=TIMEOUT):
        return self.post(account, {"type": "Deposit", "amount": amount}, timeout)

    def withdraw(self, account, amount, timeout=TIMEOUT):
        return self.post(account, {"type": "Withdraw", "amount": amount}, timeout)

    def insist(self, account, command, key=None, patience=TIMEOUT):
        """Sends a command again and again until it is obeyed or refused: the gateway needs a moment to find a log that is
        back. It has a key, so that it is recorded once, whatever became of it the first time."""
        headers, end = {"Idempotency-Key": key or str(uuid4())}, time.monotonic() + patience
        while True:
            answer = self.post(account, command, headers=headers)
            if not _may_be_repeated(answer) or time.monotonic() > end:
                return answer
            time.sleep(0.05)

    def account(self, account):
        answer = self.get(f"/accounts/{account}")
        assert answer.status == 200, answer
        return answer.json

    def events(self, account):
        """The whole history of an account, page after page."""
        events, path = [], f"/accounts/{account}/events?limit=10000"
        while path:
            answer = self.get(path)
            assert answer.status == 200, answer
            events += answer.json
            path = next_page(answer)
        return events

    def request(self, method, path, body=None, headers={}, timeout=TIMEOUT):
        connection = self._connection(timeout)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoAnswer(f"{method} {path}: {error!r}") from error

    def close(self):
        with self._lock:
            connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()
        self._local = threading.local()

    def _connection(self, timeout):
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http_connection(self.port, secrets=self._secrets)
            with self._lock:
                self._connections.append(connection)
        # Nothing was asked, so whatever can be read is the end of the connection: the service was restarted.
        if connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
            connection.close()
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection


def _is_behind(answer):
    return answer.status == 503 and answer.json.get("type") == "/problems/not-caught-up"


def _may_be_repeated(answer):
    """Whether the outcome of a command with a key is not known yet."""
    return answer.status in (503, 504) or (
        answer.status == 409 and answer.json["type"] == "/problems/command-in-progress"
    )


def _exact(value):
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{value!r} has no form in JSON")


def next_page(answer):
    """Where the next page is, from the `Link` header; None at the end."""
    link = answer.headers["Link"]
    if link is None:
        return None
    target, relation = link.split(">;")
    assert target.startswith("<") and relation.strip() == 'rel="next"', link
    return target[1:]


def http_connection(port, timeout=TIMEOUT, receive_buffer=None, secrets=None):
    """A connection of Python's own client with a service; with a receive buffer, it is made at once."""
    if secrets := secrets or secured.default():
        connection = secured.HTTPSConnection(port, timeout, secrets)
    else:
        host, port = port if isinstance(port, tuple) else ("127.0.0.1", port)
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    if receive_buffer is not None:
        connection.sock = connect(port, timeout, receive_buffer=receive_buffer, adds_tokens=False, secrets=secrets)
    return connection


def connect(port, timeout=TIMEOUT, source=None, receive_buffer=None, adds_tokens=True, secrets=None):
    """A socket over which bytes of HTTP go to a service; in the secured form with TLS, and a token in each request.

    What the kernel takes in for a client that does not read depends on the receive buffer, from the beginning.
    """
    connection = socket.socket()
    try:
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            connection.bind((source, 0))
        connection.settimeout(timeout)
        connection.connect(("127.0.0.1", port))
        return secured.secure(connection, adds_tokens, secrets)
    except BaseException:
        connection.close()
        raise


def exchange(port, sent, timeout=TIMEOUT, until=None, secrets=None):
    """Sends bytes over a connection of its own and gives all that comes back, up to the end of the connection, or until
    `until(received)` is true. Fails where neither comes in time: a connection was left hanging.

    With secrets the bytes go over TLS as they are, without a token of the harness's own.
    """
    received = b""
    with connect(port, timeout, adds_tokens=secrets is None, secrets=secrets) as connection:
        try:
            connection.sendall(sent)
            while not (until and until(received)):
                part = connection.recv(65536)
                if not part:
                    break
                received += part
        except TimeoutError:
            raise AssertionError(f"after {sent[:200]!r} the connection hung; received {received[:2000]!r}") from None
        except ConnectionError:
            # A service may reset a connection whose client talks on after an error.
            pass
    return received


def responses(received, head=()):
    """Splits the bytes of a connection into answers. `head`: the indexes of the answers to HEAD, which have no body."""
    answers = []
    while received:
        lines, separator, received = received.partition(b"\r\n\r\n")
        assert separator, f"an answer is cut short: {lines!r}"
        status_line, *fields = lines.decode("latin-1").split("\r\n")
        headers = http.client.HTTPMessage()
        for field in fields:
            name, _, value = field.partition(":")
            headers[name] = value.strip()
        status = int(status_line.split()[1])
        body = b""
        if status >= 200 and len(answers) not in head:
            length = int(headers["Content-Length"])
            assert len(received) >= length, f"a body is cut short: {received!r}"
            body, received = received[:length], received[length:]
        answers.append(Answer(status, headers, body))
    return answers

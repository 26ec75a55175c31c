"""Every kind of secret is replaced while clients are at work: none of those who are still entitled loses a request, and what
is new is in force within 3 s."""

import http.client
import signal
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import zmq
from cryptography import x509

from client import Client, NoAnswer
from load import Load
from log_peer import LogPeer
from secured import Secrets, new_token, token_line
from services import Ports, Service, wait_until
from web_tokens import Issuer

pytestmark = pytest.mark.open_only("it has secrets of its own, in one form of the harness as in the other")

# The contract: from the change of a file to the first request that is answered by what it says now.
EFFECTIVE = 3.0
# A subscription of a peer that was revoked ends within this time.
SUBSCRIPTION_ENDS = 10.0


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path / "jwks.json")


@pytest.fixture
def daybook(start_daybook, issuer, tmp_path):
    return start_daybook(secrets=Secrets(tmp_path / "secrets"), **issuer.settings)


class Readers:
    """Threads that ask both HTTP services again and again, each over one connection that is kept alive."""

    def __init__(self, daybook):
        self._daybook = daybook
        self._ended = threading.Event()
        self.failures = []
        self.answered = 0
        ports = [daybook.command.port, daybook.query.port] * 2
        self._threads = [threading.Thread(target=self._run, args=(port,)) for port in ports]

    def _run(self, port):
        client = Client(port, self._daybook.secrets)
        while not self._ended.is_set():
            for path in ("/accounts/load-0?wait=60s", "/events?limit=1&wait=60s", "/totals?wait=60s"):
                try:
                    answer = client.get(path)
                except NoAnswer as error:
                    self.failures.append(error)
                else:
                    if answer.status != 200:
                        self.failures.append(answer)
                    self.answered += 1
        client.close()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def under_load(daybook):
    """Deposits and queries all the time; at the end none of them may have failed."""
    with Load(daybook, threads=4) as load, Readers(daybook) as readers:
        load.wait_for("acknowledged", 20)

        def goes_on():
            """Waits until everybody has been answered some more times."""
            before = readers.answered
            load.wait_for("acknowledged", 20)
            wait_until(lambda: readers.answered >= before + 20 or readers.failures, "queries are answered")

        yield goes_on
        goes_on()
    assert not readers.failures, readers.failures[:3]
    assert set(load.counted()) == {"acknowledged"}, load.counted()
    load.check()


def wait_until_effective(is_effective, what, limit=EFFECTIVE):
    """Waits for a condition and fails if the first request that shows it was begun too late."""
    changed = time.monotonic()
    while True:
        begun = time.monotonic()
        if is_effective():
            break
        assert begun - changed < 30, f"never: {what}"
        time.sleep(0.02)
    assert begun - changed <= limit, f"only after {begun - changed:.1f} s: {what}"


def shown_certificate(daybook, port):
    """The serial number of the certificate that a new connection is shown."""
    context = daybook.secrets.context
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True)).serial_number


def serial_of(certificate):
    return x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number


@pytest.mark.timing
def test_a_new_certificate_is_shown_to_new_connections_and_ends_no_old_one(daybook):
    secrets = daybook.secrets
    with under_load(daybook) as goes_on:
        kept = [Client(service.port, secrets) for service in daybook.services]
        for client in kept:
            assert client.get("/livez").status == 200
        connections = [client._connection(5).sock for client in kept]
        for _ in range(3):
            former = serial_of(secrets.certificate)
            secrets.authority.issue_server(secrets.folder)
            serial = serial_of(secrets.certificate)
            assert serial != former
            for service in daybook.services:
                wait_until_effective(
                    lambda port=service.port: shown_certificate(daybook, port) == serial, f"{service.program} shows it"
                )
            goes_on()
        for client, connection in zip(kept, connections):
            assert client.get("/livez").status == 200
            assert client._connection(5).sock is connection, "the connection was ended"
            client.close()


def test_a_certificate_that_is_none_leaves_the_one_before_in_force(daybook):
    secrets = daybook.secrets
    serial, whole = serial_of(secrets.certificate), secrets.certificate.read_bytes()
    with under_load(daybook) as goes_on:
        secrets.certificate.write_bytes(whole[: len(whole) // 2])
        for service in daybook.services:
            service.send(signal.SIGHUP)
        goes_on()
        time.sleep(2 * EFFECTIVE)  # It is looked at again and again, and stays as it was.
        goes_on()
        for service in daybook.services:
            assert shown_certificate(daybook, service.port) == serial
        secrets.certificate.write_bytes(whole)


def status(client, path, token):
    return client.get(path, headers={"Authorization": f"Bearer {token}"}).status


@pytest.mark.timing
@pytest.mark.parametrize("how", ["by itself", "by SIGHUP"])
def test_tokens_come_and_go(daybook, how):
    secrets = daybook.secrets
    clients = [Client(service.port, secrets) for service in (daybook.command, daybook.query)]

    def tell():
        if how == "by SIGHUP":
            for service in daybook.services:
                service.send(signal.SIGHUP)

    with under_load(daybook) as goes_on:
        for _ in range(2):
            token = new_token()
            for client in clients:
                assert status(client, "/accounts/load-0", token) == 401
            secrets.write_tokens(token_line("till-9", "reader", token))
            tell()
            for client in clients:
                wait_until_effective(lambda client=client: status(client, "/accounts/load-0", token) == 200, "it is taken")
            # Another role under the same name.
            secrets.write_tokens(token_line("till-9", "operator", token))
            tell()
            for client in clients:
                wait_until_effective(lambda client=client: status(client, "/accounts/load-0", token) == 403, "it may less")
            secrets.write_tokens()
            tell()
            for client in clients:
                wait_until_effective(lambda client=client: status(client, "/accounts/load-0", token) == 401, "it is revoked")
            goes_on()


@pytest.mark.timing
def test_a_token_is_rolled_without_a_request_refused(daybook):
    """Both are in force for a while; each client changes over when it likes."""
    secrets = daybook.secrets
    with under_load(daybook) as goes_on:
        former, new = dict(secrets.tokens), {role: new_token() for role in secrets.tokens}
        secrets.write_tokens(*(token_line(f"new-{role}", role, token) for role, token in new.items()))
        probe = Client(daybook.query.port, secrets)
        for client in (probe, daybook.gateway):
            wait_until_effective(lambda client=client: status(client, "/accounts/load-0", new["manager"]) == 200, "new ones")
        secrets.tokens.update(new)
        goes_on()
        secrets.write_tokens()
        for client in (probe, daybook.gateway):
            wait_until_effective(lambda client=client: status(client, "/accounts/load-0", former["manager"]) == 401, "old ones")
        goes_on()


def test_a_file_of_tokens_that_is_broken_or_gone_opens_nothing_and_shuts_nobody_out(daybook):
    secrets = daybook.secrets
    whole = secrets.tokens_file.read_bytes()
    with under_load(daybook) as goes_on:
        for damage in (b"{", b'{"name":"x"}\n', whole + whole, b"\xff"):
            secrets.tokens_file.write_bytes(damage)
            for service in daybook.services:
                service.send(signal.SIGHUP)
            goes_on()
            assert status(daybook.gateway, "/accounts/load-0", "x") == 401
        secrets.tokens_file.unlink()
        for service in daybook.services:
            service.send(signal.SIGHUP)
        goes_on()
        assert daybook.gateway.get("/accounts/load-0", headers={"Authorization": "Bearer x"}).status == 401
        secrets.write_tokens()


@pytest.mark.timing
def test_a_feed_ends_with_its_token(daybook):
    secrets = daybook.secrets
    token = new_token()
    secrets.write_tokens(token_line("listener", "auditor", token))
    wait_until(lambda: status(daybook.gateway, "/totals", token) == 200, "the token is taken")
    wait_until(lambda: status(daybook.queries, "/totals", token) == 200, "the token is taken")
    with under_load(daybook):
        feeds = []
        for service in (daybook.command, daybook.query):
            client = Client(service.port, secrets)
            connection = client._connection(30)
            headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
            connection.request("GET", "/events?after=now&wait=60s", headers=headers)
            response = connection.getresponse()
            assert response.status == 200
            feeds.append(response)
        secrets.write_tokens()
        changed = time.monotonic()
        for response in feeds:
            while reads_on(response):
                assert time.monotonic() - changed < 30, "the feed goes on"
            assert time.monotonic() - changed <= EFFECTIVE + 1, "the feed ended late"


def reads_on(response):
    """Whether more of an answer comes; it may be cut as well as ended in order."""
    try:
        return bool(response.read1(65536))
    except (http.client.HTTPException, ConnectionError):
        return False


@pytest.mark.timing
def test_keys_of_web_tokens_are_rolled(daybook, issuer):
    clients = [Client(service.port, daybook.secrets) for service in (daybook.command, daybook.query)]
    old = issuer.token(role="reader")
    with under_load(daybook) as goes_on:
        for client in clients:
            assert status(client, "/accounts/load-0", old) == 200
        former = list(issuer.keys.values())
        issuer.roll(2, keeps=former)
        new = issuer.token(role="reader")
        for client in clients:
            wait_until_effective(lambda client=client: status(client, "/accounts/load-0", new) == 200, "the new key is known")
            assert status(client, "/accounts/load-0", old) == 200, "both are in force"
        issuer.write(*issuer.keys.values())
        for client in clients:
            # A verified token is remembered no longer than its key.
            wait_until_effective(lambda client=client: status(client, "/accounts/load-0", old) == 401, "the old key is gone")
            assert status(client, "/accounts/load-0", new) == 200
        goes_on()


@pytest.mark.timing
def test_peers_come_and_go(daybook):
    secrets = daybook.secrets
    keys = zmq.curve_keypair()
    line = {"name": "newcomer", "role": "read", "key": keys[0].decode()}
    with under_load(daybook) as goes_on:
        with LogPeer(daybook, zmq.DEALER, daybook.read_port, keys=keys) as peer:
            assert not peer.is_answered(wait=1)
        secrets.write_peers(line)

        def is_let_in():
            with LogPeer(daybook, zmq.DEALER, daybook.read_port, keys=keys) as peer:
                return peer.is_answered(wait=1)

        wait_until_effective(is_let_in, "the newcomer is let in")
        with (
            LogPeer(daybook, zmq.DEALER, daybook.read_port, keys=keys) as peer,
            LogPeer(daybook, zmq.SUB, daybook.events_port, keys=keys) as subscriber,
            LogPeer(daybook, zmq.SUB, daybook.events_port, "subscriber") as other,
        ):
            assert peer.is_answered(wait=60) and subscriber.receive(60) and other.receive(60)
            secrets.write_peers()
            changed = time.monotonic()
            wait_until_effective(lambda: not peer.is_answered(wait=1), "its next request is refused")
            last = changed
            # Heartbeats come twice a second: what ended is silent.
            while time.monotonic() - changed < SUBSCRIPTION_ENDS + 4:
                if subscriber.receive(0.5):
                    last = time.monotonic()
            assert last - changed <= SUBSCRIPTION_ENDS, "its subscription ended late"
            while other.receive(0):
                pass
            assert other.receive(60), "the others' goes on"
        goes_on()


def test_a_gateways_key_is_rolled_by_a_second_gateway(daybook, tmp_path):
    """The new key is allowed, a gateway with it takes over, the old key is revoked: no command is refused meanwhile."""
    secrets = daybook.secrets
    keys = tuple(half.decode() for half in zmq.curve_keypair())
    key_file = tmp_path / "gateway-2.key"
    key_file.touch(mode=0o600)
    key_file.write_text(keys[1])
    with under_load(daybook) as goes_on:
        secrets.write_peers({"name": "gateway-2", "role": "append", "key": keys[0]})
        port = Ports.take()
        folder = daybook.directory / "second"
        folder.mkdir()
        second = Service(
            "command-service", port, daybook.settings | {"COMMAND_HTTP_ADDRESS": f"127.0.0.1:{port}"}, folder, secrets
        )
        second.variables = {"PEER_SECRET_KEY": str(key_file)}
        second.start()
        goes_on()
    try:
        # Whoever sent commands to the first sends them to the second from now on.
        secrets.write_peers({"name": "gateway-2", "role": "append", "key": keys[0]}, without=("command-service",))
        wait_until(lambda: daybook.gateway.deposit("load-0", 1).status in (503, 504), "the old key is refused")
        for _ in range(20):
            assert second.client.deposit("load-0", 1).status == 200
    finally:
        second.kill()
        second.client.close()


def test_a_file_of_peers_that_is_broken_shuts_nobody_out_and_lets_nobody_in(daybook):
    secrets = daybook.secrets
    stranger = zmq.curve_keypair()
    with under_load(daybook) as goes_on:
        for damage in (b"{", b"", secrets.peers_file.read_bytes() * 2):
            if damage == b"":
                secrets.peers_file.unlink()
            else:
                secrets.peers_file.write_bytes(damage)
            daybook.event_log.send(signal.SIGHUP)
            goes_on()
            with LogPeer(daybook, zmq.DEALER, daybook.read_port, keys=stranger) as peer:
                assert not peer.is_answered(wait=1)
        secrets.write_peers()
        goes_on()

"""Nothing that anybody sends, and no state of the other services, stops a service or leaves somebody waiting."""

import itertools
import random
import signal
import socket
import struct
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import secured
import services
from client import Client, NoAnswer, connect, exchange
from problems import assert_problem
from services import PATIENCE, Ports, wait_until
from timing import within

_numbers = itertools.count(1)


def assert_serving(daybook):
    """All three do their whole job: a command is obeyed, published and seen."""
    name = f"serving-{next(_numbers)}"
    for service in daybook.services:
        assert service.is_running, f"{service.program} ended:\n{service.output[-3000:]}"
        assert service.health("/livez") == 200
    for service in daybook.services:
        service.wait_until_ready()
    # What was ready need not have noticed yet that the log was away.
    assert daybook.gateway.insist(name, {"type": "OpenAccount", "owner": "A", "initial_balance": 1}).status == 201
    assert daybook.gateway.insist(name, {"type": "Deposit", "amount": 1}).json["balance"] == 2
    assert daybook.gateway.account(name)["balance"] == 2
    assert len(daybook.gateway.events(name)) == 2


def send_anything(port, sent):
    """Sends bytes and reads, for a moment, whatever comes back; the other side may close whenever it likes."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.settimeout(0.5)
            if len(sent) > 66 and sent.startswith(GREETING + b"\x04"):
                # As libzmq does: the log ends the connection of whoever sends messages before the handshake is done.
                hello = sent[: 66 + sent[65]]
                connection.sendall(hello)
                answer = b""
                while len(answer) <= 64:
                    received = connection.recv(65536)
                    if not received:
                        return
                    answer += received
                sent = sent[len(hello) :]
            connection.sendall(sent)
            connection.settimeout(0.05)
            # What subscribes to everything would be sent something again and again.
            end = time.monotonic() + 0.2
            while connection.recv(65536) and time.monotonic() < end:
                pass
    except OSError:
        pass


# ---- nonsense on all ports

# The greeting of ZMTP 3.0 with the NULL mechanism, and a READY command of a DEALER.
GREETING = b"\xff" + b"\0" * 8 + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" * 32


def ready(kind):
    properties = b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
    body = b"\x05READY" + properties
    return b"\x04" + bytes([len(body)]) + body


def frame(body, more=False):
    if len(body) < 256:
        return bytes([1 if more else 0, len(body)]) + body
    return bytes([3 if more else 2]) + struct.pack(">Q", len(body)) + body


def zeromq_nonsense(chance):
    """Conversations that go wrong at every stage: before the greeting, in the handshake, in framing, in the frames."""

    def noise(most):
        return chance.randbytes(chance.randint(0, most))

    for kind in (b"DEALER", b"SUB", b"REQ", b"ROUTER", b"PUB"):
        hello = GREETING + ready(kind)
        yield GREETING[: chance.randint(1, 63)]
        yield GREETING + noise(200)
        yield hello[: chance.randint(64, len(hello) - 1)]
        # Frames that announce more than they hold, and more than anybody has.
        yield hello + b"\x02" + struct.pack(">Q", 2**63 - 1) + b"x"
        yield hello + b"\x02" + struct.pack(">Q", 1 << 40)
        yield hello + b"\x03" + struct.pack(">Q", 0) * 5
        # Messages whose frames follow no grammar, or nearly one.
        yield hello + frame(b"") * 50
        yield hello + frame(noise(300), more=True) * 30 + frame(b"")
        yield hello + frame(b"x", more=True) * 2000 + frame(b"x")
        yield hello + frame(chance.randbytes(100_000))
        for code in [*range(0x0E, 0x26), 0x90, 0xA0, 0xFF, chance.randrange(256)]:
            head = b"DBK1" + bytes([code, 0, 0, 0]) + struct.pack(">Q", chance.getrandbits(64))
            yield hello + frame(head + noise(200)) + frame(b"", more=True) + frame(head)
            # A count or a length that promises four milliards of something.
            yield hello + frame(head + b"\xff" * chance.randint(0, 60))
        yield hello + frame(b"\x01" + noise(2000)) + frame(b"\x00" + noise(2000))
    for _ in range(30):
        yield noise(2000)


HTTP_NONSENSE = [
    b"\r\n" * 1000,
    b"GET\r\n\r\n",
    b"GET / \r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1 extra\r\nHost: localhost\r\n\r\n",
    b"get /livez http/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    b"GET /livez HTTP/1.1\r\n: no name\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHo st: a\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: \0\r\n\r\n",
    b"GET /accounts/\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /accounts/\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /accounts?owner=%FF&limit=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://evil.invalid:99999999/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /accounts/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n{}",
    b"POST /accounts/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    b"POST /accounts/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2, 3\r\n\r\n{}",
    b"POST /accounts/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    b"POST /accounts/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /accounts/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n\x1f\x8b",
    b"POST /accounts/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    b"POST /accounts/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"POST /accounts/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{}",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nConnection: Upgrade\r\n\r\n",
]


def test_random_bytes_and_well_framed_nonsense_on_all_six_ports(daybook):
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    chance = random.Random(seed)
    zeromq = [daybook.append_port, daybook.events_port, daybook.read_port]
    http = [service.port for service in daybook.services]
    conversations = [(port, sent) for port in zeromq for sent in zeromq_nonsense(chance)]
    conversations += [(port, sent) for port in http for sent in HTTP_NONSENSE]
    conversations += [(port, chance.randbytes(chance.randint(1, 5000))) for port in zeromq + http for _ in range(20)]
    # What belongs to one kind of port, at the other.
    conversations += [(port, GREETING + ready(b"DEALER")) for port in http]
    conversations += [(port, sent) for port in zeromq for sent in HTTP_NONSENSE[:5]]
    chance.shuffle(conversations)
    # Beside it, somebody works: nonsense from one must not disturb another.
    daybook.gateway.open("undisturbed", 0)
    ended = threading.Event()
    answers = []

    def work():
        client = Client(daybook.command.port)
        while not ended.is_set():
            answers.append(client.deposit("undisturbed", "0.01").status)
        client.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda conversation: send_anything(*conversation), conversations):
                pass
    finally:
        ended.set()
        worker.join()
    assert set(answers) == {200}, "somebody's nonsense disturbed another"
    assert_serving(daybook)
    assert daybook.gateway.account("undisturbed")["version"] == len(answers) + 1
    if not secured.IS_SECURED:  # Else strangers get no further than the handshake.
        assert daybook.event_log.figures()["malformed_frames"] > 50, "the nonsense did not get as far as it should"


# In any case before a head that does not end is given up.
@within(5, 14)
def test_broken_requests_are_answered_or_closed_at_once(daybook, limit):
    """What can be known to be broken leaves nobody waiting."""
    for service in daybook.services:
        for sent in (
            b"nonsense\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /livez HTTP/1.1\r\n: no name\r\n\r\n",
            b"POST /accounts/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            b"POST /accounts/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            b"\x00\x01\x02\x03\r\n\r\n",
        ):
            received = exchange(service.port, sent, timeout=limit)
            assert not received or received.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 505")), received


@pytest.fixture(scope="session")
def half_requests(session_services):
    """Services, connections on which a request was begun and not finished, and when that was."""
    daybook = session_services()
    opened = []
    for service in daybook.services:
        for sent in (
            b"",
            b"GET /livez HT",
            b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
            b"POST /accounts/half HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
        ):
            connection = connect(service.port)
            connection.sendall(sent)
            opened.append((service.program, sent, connection))
    yield daybook, opened, time.monotonic()
    for _, _, connection in opened:
        connection.close()


@pytest.mark.runs_first
def test_half_requests_disturb_nobody(half_requests):
    daybook, _, _ = half_requests
    assert_serving(daybook)


@pytest.mark.runs_last
def test_half_requests_are_not_kept_for_ever(half_requests):
    _, opened, begun = half_requests
    for program, sent, connection in opened:
        # The services close a connection after 60 s of silence.
        connection.settimeout(max(0.1, begun + 75 - time.monotonic()))
        try:
            while connection.recv(65536):
                pass
        except TimeoutError:
            raise AssertionError(f"{program} keeps a connection for more than 75 s after {sent!r}") from None
        except ConnectionError:
            pass


def test_five_hundred_idle_connections_disturb_nobody(daybook):
    connections = []
    try:
        for service in daybook.services:
            for _ in range(500 // 3):
                connections.append(socket.create_connection(("127.0.0.1", service.port), PATIENCE))
        for port in (daybook.append_port, daybook.events_port, daybook.read_port):
            for _ in range(50):
                connections.append(socket.create_connection(("127.0.0.1", port), PATIENCE))
        assert_serving(daybook)
    finally:
        for connection in connections:
            connection.close()


# ---- the event log frozen or absent


def is_refused_as_allowed(answer):
    """503 or 504, as the contract tells it: which of the two says whether anything may have been recorded."""
    if answer.status == 504:
        assert_problem(answer, 504, "outcome-unknown")
    else:
        assert_problem(answer, 503, "log-unavailable")
    return answer.status


@within(2.5)
def test_a_frozen_event_log(start_daybook, limit):
    daybook = start_daybook()
    daybook.gateway.open("frozen", 0)
    daybook.command.restart(EVENT_LOG_TIMEOUT="1s", COMMAND_DEADLINE="10s")
    wait_until(lambda: daybook.gateway.withdraw("frozen", 1).status == 400, "the gateway holds the account again")
    # What is acknowledged may still be on its way to the query service.
    daybook.wait_until_caught_up()
    daybook.event_log.freeze()
    begun = time.monotonic()
    sent = {}
    for cents in (1, 2, 3):
        one = time.monotonic()
        sent[cents] = is_refused_as_allowed(daybook.gateway.deposit("frozen", f"0.0{cents}"))
        assert time.monotonic() - one < limit, "the answer came long after the deadline of 1 s"
    # An account that the gateway does not hold must be read from the log first; that records nothing.
    assert_problem(daybook.gateway.deposit("frozen-2", 1), 503, "log-unavailable")
    assert 504 in sent.values(), "what was sent to a log that does not answer may have been recorded"

    # Queries are answered from memory.
    assert daybook.queries.get("/accounts/frozen").json["version"] == 1
    assert daybook.gateway.account("frozen")["version"] == 1
    assert daybook.event_log.health("/livez", timeout=0.5) is None
    for service in (daybook.command, daybook.query):
        assert service.health("/livez") == 200
        # "200 only when the service can do its job now".
        wait_until(lambda: service.health("/readyz") == 503, f"{service.program} tells that the log is silent")
    assert time.monotonic() - begun < 12 * limit

    pids = [service.pid for service in daybook.services]
    daybook.event_log.thaw()
    wait_until(lambda: daybook.gateway.deposit("frozen", "0.04").status == 200, "commands flow again")
    for service in daybook.services:
        service.wait_until_ready()
    assert [service.pid for service in daybook.services] == pids, "something had to be restarted"
    daybook.wait_until_caught_up()
    amounts = [int(event["amount"] * 100) for event in daybook.gateway.events("frozen")[1:]]
    for cents, status in sent.items():
        assert amounts.count(cents) <= (1 if status == 504 else 0), (cents, status, amounts)
    assert amounts.count(4) >= 1


# In any case before a request to the log would be given up.
@within(1, PATIENCE / 2)
def test_an_event_log_that_is_not_running(start_daybook, limit):
    daybook = start_daybook()
    daybook.gateway.open("absent", 1)
    # What was acknowledged may not be published yet.
    daybook.wait_until_caught_up()
    daybook.event_log.kill()
    wait_until(lambda: daybook.command.health("/readyz") == 503, "the gateway knows that the log is gone")
    for account, command in [
        ("absent", {"type": "Deposit", "amount": 1}),
        ("absent", {"type": "Withdraw", "amount": 100}),
        ("absent", {"type": "OpenAccount", "owner": "A", "initial_balance": 0}),
        ("absent-2", {"type": "OpenAccount", "owner": "A", "initial_balance": 0}),
        ("absent-2", {"type": "Deposit", "amount": 1}),
    ]:
        begun = time.monotonic()
        assert_problem(daybook.gateway.post(account, command), 503, "log-unavailable")
        assert time.monotonic() - begun < limit, "nothing was to be waited for"
    # What is wrong by itself is told without the log.
    assert_problem(daybook.gateway.post("absent", "{"), 400, "malformed-json")
    assert daybook.gateway.account("absent")["balance"] == 1
    missing = daybook.gateway.get("/readyz").json["missing"]
    assert any(f"tcp://127.0.0.1:{daybook.append_port}" in text for text in missing), missing
    wait_until(lambda: daybook.query.health("/readyz") == 503, "the query service knows that the log is gone")
    assert [service.health("/livez") for service in (daybook.command, daybook.query)] == [200, 200]

    daybook.event_log.start()
    assert daybook.gateway.insist("absent", {"type": "Deposit", "amount": 1}).status == 200
    # An account that the gateway does not hold needs the read socket too.
    daybook.command.wait_until_ready()
    assert_serving(daybook)
    assert [event["version"] for event in daybook.gateway.events("absent")] == [1, 2]


def test_services_that_were_started_before_the_event_log(start_daybook):
    daybook = start_daybook(start=False)
    for service in (daybook.command, daybook.query):
        service.start(wait=False)
        wait_until(lambda: service.health("/livez") == 200, f"{service.program} lives")
        assert service.health("/readyz") == 503
    assert_problem(daybook.gateway.deposit("early", 1), 503, "log-unavailable")
    for client in (daybook.gateway, daybook.queries):
        # Nothing is known yet, so "there is no such account" would be a guess.
        assert_problem(client.get("/accounts/early?wait=200ms"), 503, "not-caught-up")
        assert_problem(client.get("/accounts?wait=200ms"), 503, "not-caught-up")
    daybook.event_log.start()
    assert_serving(daybook)


# ---- the query service frozen or absent


@pytest.mark.parametrize("state", ["frozen", "absent"])
def test_a_query_service_that_does_not_answer(start_daybook, state):
    daybook = start_daybook()
    daybook.gateway.open("alone", 0)
    daybook.gateway.account("alone")
    if state == "frozen":
        daybook.query.freeze()
    else:
        daybook.query.kill()
    for version in range(2, 102):
        assert daybook.gateway.deposit("alone", "0.01").json["version"] == version
    assert_problem(daybook.gateway.withdraw("alone", 5), 400, "insufficient-funds")
    begun = time.monotonic()
    assert_problem(daybook.gateway.get("/accounts/alone", catches_up=False), 503, "not-caught-up")
    assert time.monotonic() - begun < 10
    wait_until(lambda: daybook.command.health("/readyz") == 503, "the gateway says that queries are not answered")
    assert any("query service" in text for text in daybook.gateway.get("/readyz").json["missing"])
    assert daybook.event_log.health("/readyz") == 200
    assert daybook.query.health("/livez", timeout=0.5) is None
    if state == "frozen":
        daybook.query.thaw()
    else:
        daybook.query.start(wait=False)
    wait_until(lambda: daybook.gateway.get("/accounts/alone", catches_up=False).status == 200, "queries are answered again")
    daybook.command.wait_until_ready()
    assert daybook.gateway.account("alone")["version"] == 101
    assert_serving(daybook)


def test_a_frozen_gateway_disturbs_nobody(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("kept", 1)
    daybook.wait_until_caught_up()
    daybook.command.freeze()
    assert daybook.queries.account("kept")["balance"] == 1
    assert [service.health("/readyz") for service in (daybook.event_log, daybook.query)] == [200, 200]
    daybook.command.thaw()
    assert_serving(daybook)


# ---- settings


def run(daybook, program, *arguments, settings={}, folder=None):
    """Runs a program that should end by itself, at once; gives its exit code, its output and its errors."""
    done = subprocess.run(
        [services.PROGRAMS / program, *map(str, arguments)], env=services.environment(daybook.settings | settings),
        cwd=folder or daybook.directory, capture_output=True, text=True, timeout=services.START_DEADLINE, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def stopped(start_daybook):
    """Settings and a directory for services, none of which runs."""
    return start_daybook(start=False)


def assert_refused(result, *named):
    code, _, errors = result
    assert code > 0, (code, errors)
    lines = errors.splitlines()
    assert len(lines) == 1, f"expected one line on standard error: {errors!r}"
    for text in named:
        assert text in lines[0], f"{text} is not named: {lines[0]}"


ALL = ["event-log-service", "command-service", "query-service"]
WRONG_SETTINGS = [
    (["event-log-service"], "EVENT_STORE", "postgresql"),
    (["event-log-service"], "EVENT_STORE", "sqlite:"),
    (["event-log-service"], "EVENT_STORE", "sqlite:/proc/no/such/folder/daybook.db"),
    (["event-log-service"], "EVENT_STORE", "sqlite:/dev/null/daybook.db"),
    (["event-log-service"], "EVENT_STORE", "sqlite:/proc"),
    (["event-log-service"], "EVENT_LOG_HTTP_ADDRESS", "nonsense"),
    (["event-log-service"], "EVENT_LOG_HTTP_ADDRESS", "127.0.0.1:65536"),
    (["event-log-service"], "EVENT_LOG_HTTP_ADDRESS", "no-such-host.invalid:8082"),
    (["event-log-service"], "EVENT_LOG_HTTP_ADDRESS", "192.0.2.1:8082"),
    (["command-service"], "COMMAND_HTTP_ADDRESS", "127.0.0.1"),
    (["command-service"], "COMMAND_HTTP_ADDRESS", "no-such-host.invalid:8080"),
    (["command-service"], "QUERY_HTTP_ADDRESS", "127.0.0.1:http"),
    (["command-service"], "COMMAND_CACHE_ACCOUNTS", "0"),
    (["query-service"], "QUERY_HTTP_ADDRESS", ":8081"),
    (["query-service"], "QUERY_HTTP_ADDRESS", "192.0.2.1:8081"),
    (["query-service"], "QUERY_HISTORY_EVENTS", "many"),
    (["query-service"], "QUERY_HISTORY_EVENTS", "-1"),
    (["command-service", "query-service"], "EVENT_LOG_TIMEOUT", "soon"),
    (["command-service", "query-service"], "EVENT_LOG_TIMEOUT", "0s"),
    (ALL, "EVENT_LOG_APPEND_ENDPOINT", "127.0.0.1:5570"),
    (ALL, "EVENT_LOG_APPEND_ENDPOINT", "udp://127.0.0.1:5570"),
    (ALL, "EVENT_LOG_EVENTS_ENDPOINT", "tcp://127.0.0.1"),
    (ALL, "EVENT_LOG_READ_ENDPOINT", "tcp://127.0.0.1:99999"),
    (["event-log-service"], "EVENT_LOG_READ_ENDPOINT", "tcp://192.0.2.1:5572"),
    (["event-log-service"], "EVENT_LOG_APPEND_ENDPOINT", "tcp://no-such-host.invalid:5570"),
    (["event-log-service"], "EVENT_LOG_EVENTS_ENDPOINT", "ipc:///proc/no/such/folder/events"),
    (["event-log-service"], "EVENT_LOG_READ_ENDPOINT", "tcp://127.0.0.1:5572,tcp://127.0.0.1:5582"),
    (["event-log-service"], "EVENT_LOG_STANDBY", "perhaps"),
    (ALL, "LOG_LEVEL", "loud"),
]


@pytest.mark.parametrize(
    "program, name, value",
    [(program, name, value) for programs, name, value in WRONG_SETTINGS for program in programs],
)
def test_a_wrong_setting_ends_the_program_with_one_line(stopped, program, name, value):
    result = run(stopped, program, settings={name: value})
    assert_refused(result, name, value.removeprefix("sqlite:") or value)
    assert result[2].startswith(f"{program}: ")


@pytest.mark.parametrize("program", ALL)
def test_a_wrong_flag_ends_the_program_with_one_line(stopped, program):
    assert_refused(run(stopped, program, "--no-such-flag", "5"), "--no-such-flag")
    assert_refused(run(stopped, program, "--log-level"), "--log-level")
    assert_refused(run(stopped, program, "--log-level=loud"), "--log-level", "loud")
    assert_refused(run(stopped, program, "--log-level", "info", "--log-level", "info"), "--log-level")
    assert_refused(run(stopped, program, "surplus"), "surplus")


@pytest.mark.parametrize(
    "program, setting",
    [("event-log-service", "EVENT_LOG_HTTP_ADDRESS"), ("command-service", "COMMAND_HTTP_ADDRESS"),
     ("query-service", "QUERY_HTTP_ADDRESS"), ("event-log-service", "EVENT_LOG_APPEND_ENDPOINT"),
     ("event-log-service", "EVENT_LOG_EVENTS_ENDPOINT"), ("event-log-service", "EVENT_LOG_READ_ENDPOINT")],
)  # fmt: skip
def test_a_port_that_is_taken(stopped, program, setting):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        value = f"127.0.0.1:{port}" if "HTTP" in setting else f"tcp://127.0.0.1:{port}"
        assert_refused(run(stopped, program, settings={setting: value}), setting, value)


@pytest.mark.sqlite_only("a second log on one database waits instead: test_pair.py")
def test_a_second_event_log_on_the_same_file(daybook):
    others = {
        name: f"{'' if 'HTTP' in name else 'tcp://'}127.0.0.1:{Ports.take()}"
        for name in daybook.settings if name.startswith("EVENT_LOG_") and name.endswith(("ADDRESS", "ENDPOINT"))
    }  # fmt: skip
    result = run(daybook, "event-log-service", settings=others)
    assert_refused(result, "EVENT_STORE", str(daybook.database), str(daybook.event_log.pid))
    # A link to it is the same file.
    link = daybook.directory / "link.db"
    link.symlink_to(daybook.database)
    result = run(daybook, "event-log-service", settings=others | {"EVENT_STORE": f"sqlite:{link}"})
    assert_refused(result, str(daybook.database))
    assert_serving(daybook)


@pytest.mark.parametrize("url", [
    "postgresql://teller:p4ss-w0rd@127.0.0.1:1/bank?connect_timeout=1", "postgresql://teller:p4ss-w0rd@[::1/bank",
    "postgres:teller:p4ss-w0rd@127.0.0.1/bank", "host=127.0.0.1 user=teller password=p4ss-w0rd dbname=bank-of-letters",
])  # fmt: skip
def test_no_password_in_the_address_of_a_store_is_shown(stopped, url):
    shown = run(stopped, "event-log-service", "--print-settings", settings={"EVENT_STORE": url})
    assert "p4ss" not in "".join(shown[1:]), shown
    stopped.event_log.settings = stopped.event_log.settings | {"EVENT_STORE": url}
    stopped.event_log.start(wait=False)
    wait_until(
        lambda: not stopped.event_log.is_running or "cannot be opened now" in stopped.event_log.output, "it says why"
    )
    if stopped.event_log.is_running:
        assert "127.0.0.1:1/bank" in stopped.event_log.output
        wait_until(lambda: stopped.event_log.health("/readyz") == 503, "/readyz says so")
        assert "p4ss" not in str(stopped.event_log.figures())
        assert stopped.event_log.stop() == 0
    assert "p4ss" not in stopped.event_log.output


def test_an_event_store_of_another_program(stopped):
    other = stopped.directory / "other.db"
    subprocess.run(["sqlite3", other, "CREATE TABLE mine (a)"], check=True, timeout=PATIENCE)
    before = other.read_bytes()
    result = run(stopped, "event-log-service", settings={"EVENT_STORE": f"sqlite:{other}"})
    assert_refused(result, "EVENT_STORE", str(other))
    assert other.read_bytes() == before
    text = stopped.directory / "notes.txt"
    text.write_text("not a database, and long enough to be looked at as one\n" * 100)
    result = run(stopped, "event-log-service", settings={"EVENT_STORE": f"sqlite:{text}"})
    assert_refused(result, "EVENT_STORE", str(text))


@pytest.mark.parametrize("program", ALL)
def test_help_and_version(stopped, program):
    code, output, errors = run(stopped, program, "--help")
    assert (code, errors) == (0, "")
    assert program in output
    expected = {"EVENT_LOG_APPEND_ENDPOINT", "EVENT_LOG_EVENTS_ENDPOINT", "EVENT_LOG_READ_ENDPOINT", "LOG_LEVEL"} | {
        "event-log-service": {"EVENT_STORE", "EVENT_LOG_HTTP_ADDRESS"},
        "command-service": {"COMMAND_HTTP_ADDRESS", "QUERY_HTTP_ADDRESS"},
        "query-service": {"QUERY_HTTP_ADDRESS"},
    }[program]
    for name in expected:
        assert name in output and f"--{name.lower().replace('_', '-')}" in output, f"{name} is not explained"
    # Help is wanted most where the settings are wrong.
    assert run(stopped, program, "--help", settings={"LOG_LEVEL": "loud"})[:2] == (0, output)
    code, output, errors = run(stopped, program, "--version")
    assert (code, errors) == (0, "")
    words = output.split()
    assert len(output.splitlines()) == 1 and program in words and any(word[0].isdigit() for word in words)


def test_a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default(stopped):
    ports = {source: Ports.take() for source in ("flag", "environment", "file")}
    address = {source: f"127.0.0.1:{port}" for source, port in ports.items()}
    (stopped.directory / ".env").write_text(f"QUERY_HTTP_ADDRESS={address['file']}\nLOG_LEVEL=\"info\"\n")
    settings = {name: value for name, value in stopped.settings.items() if name != "QUERY_HTTP_ADDRESS"}

    def listens_at(source, arguments, further):
        process = subprocess.Popen(
            [services.PROGRAMS / "query-service", *arguments], env=services.environment(settings | further),
            cwd=stopped.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
        try:
            # Through a pipe, while the program runs: the output is written line by line.
            watchdog = threading.Timer(PATIENCE, process.kill)
            watchdog.start()
            lines = iter(process.stdout.readline, "")
            line = next((line for line in lines if "listening" in line), None)
            watchdog.cancel()
            assert line and address[source] in line, (source, line)
            assert Client(ports[source]).get("/livez").status == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    listens_at("file", [], {})
    listens_at("environment", [], {"QUERY_HTTP_ADDRESS": address["environment"]})
    listens_at("flag", ["--query-http-address", address["flag"]], {"QUERY_HTTP_ADDRESS": address["environment"]})
    listens_at("flag", [f"--query-http-address={address['flag']}"], {})
    # PORT is what process runners set for their own purposes.
    listens_at("file", [], {"PORT": str(Ports.take())})


def test_a_wrong_line_of_the_settings_file_is_named(stopped):
    (stopped.directory / ".env").write_text("LOG_LEVEL=loud\n")
    assert_refused(run(stopped, "query-service"), "LOG_LEVEL", "loud", ".env")
    # What stands above it does not matter.
    code, _, errors = run(stopped, "query-service", "--query-http-address", "nonsense", settings={"LOG_LEVEL": "info"})
    assert code > 0 and "nonsense" in errors


def test_the_defaults_are_those_of_the_contract(stopped):
    output = run(stopped, "event-log-service", "--help")[1] + run(stopped, "command-service", "--help")[1]
    for name, default in {
        "EVENT_STORE": "sqlite:data/daybook.db",
        "EVENT_LOG_APPEND_ENDPOINT": "tcp://127.0.0.1:5570",
        "EVENT_LOG_EVENTS_ENDPOINT": "tcp://127.0.0.1:5571",
        "EVENT_LOG_READ_ENDPOINT": "tcp://127.0.0.1:5572",
        "EVENT_LOG_HTTP_ADDRESS": "127.0.0.1:8082",
        "COMMAND_HTTP_ADDRESS": "127.0.0.1:8080",
        "QUERY_HTTP_ADDRESS": "127.0.0.1:8081",
        "LOG_LEVEL": "info",
    }.items():
        (line,) = {line.strip() for line in output.splitlines() if f"({name}," in line}
        assert default in line, line

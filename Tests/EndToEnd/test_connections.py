"""Clients that are slow, many, or gone: what they cannot take from others."""

import contextlib
import re
import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import client
import services
from client import exchange
from services import wait_until
from timing import within

SLOW = b"POST /accounts/slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
WAIT = b"GET /accounts?min_position=99999999&wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n"
WAITS = {
    "all": WAIT,
    "one-as-feed": WAIT.replace(b"/accounts", b"/accounts/a1").replace(b"\r\n\r\n", b"\r\nAccept: text/event-stream\r\n\r\n"),
    "feed": WAIT.replace(b"/accounts", b"/events").replace(b"\r\n\r\n", b"\r\nAccept: text/event-stream\r\n\r\n"),
}


def connect(port, sent=b"", source="127.0.0.1", buffer=None):
    connection = client.connect(port, 60, source, buffer)
    connection.sendall(sent)
    return connection


def status(connection):
    """The status of the answer that comes."""
    received = b""
    while b"\r\n" not in received:
        part = connection.recv(4096)
        if not part:
            return None
        received += part
    return int(received.split()[1])


def drip(connection, seconds, part=b" ", pause=0.5):
    """Sends a byte now and then; True if the other side ended it in time."""
    end = time.monotonic() + seconds
    connection.settimeout(pause)
    received = b""
    while time.monotonic() < end:
        try:
            connection.sendall(part)
            got = connection.recv(4096)
            if not got:
                return received or b"closed"
            received += got
        except TimeoutError:
            continue
        except OSError:
            return received or b"closed"
    return None


def processor_time(service):
    fields = open(f"/proc/{service.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def few_descriptors(monkeypatch, count):
    """Services that are started from now on may open so many files only."""
    popen = services.subprocess.Popen

    def start(*arguments, **keywords):
        return popen(
            *arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count)), **keywords
        )

    monkeypatch.setattr(services.subprocess, "Popen", start)


@pytest.mark.parametrize("which", ["command", "query", "event_log"])
def test_more_clients_than_descriptors_end_nothing_and_keep_no_core_busy(start_daybook, monkeypatch, which):
    few_descriptors(monkeypatch, 256)
    daybook = start_daybook()
    service = getattr(daybook, which)
    with contextlib.ExitStack() as stack:
        for number in range(600):
            stack.enter_context(connect(service.port, source=f"127.0.3.{1 + number % 200}"))
        assert service.health("/livez") == 200
        before, began = processor_time(service), time.monotonic()
        wait_until(lambda: time.monotonic() - began > 3, "a while has passed")
        assert processor_time(service) - before < 1.5, "a core is busy"
        assert len(list(open(f"/proc/{service.pid}/limits"))) and service.is_running
        assert daybook.gateway.open("few", 1).status == 201
        assert daybook.gateway.get("/accounts/few?wait=60s").status == 200
    assert all(service.is_running for service in daybook.services)


def test_too_few_descriptors_are_said_plainly(start_daybook, monkeypatch):
    few_descriptors(monkeypatch, 100)
    daybook = start_daybook(start=False)
    daybook.event_log.start(wait=False)
    assert daybook.event_log.wait_for_end() == 1
    assert "ulimit -n" in daybook.event_log.output


def test_slow_bodies_do_not_shut_out_others(start_daybook):
    daybook = start_daybook(HTTP_CONNECTIONS="100")
    for service in daybook.services:
        with contextlib.ExitStack() as stack:
            for number in range(160):
                stack.enter_context(connect(service.port, SLOW, source=f"127.0.3.{1 + number % 200}"))
            # At once there may be health alone; soon the slow ones are closed for others.
            assert status(connect(service.port, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 200
            assert status(connect(service.port, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 200
            target = b"/accounts" if service is not daybook.event_log else b"/problems"
            request = b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"

            def is_answered():
                with connect(service.port, request) as connection:
                    return status(connection) == 200

            wait_until(is_answered, f"{service.program} answers others")


def test_one_address_cannot_take_all_connections(start_daybook):
    daybook = start_daybook(start=False)
    # For the query service the gateway is one address.
    daybook.command.variables = {"HTTP_CONNECTIONS": "40", "HTTP_CONNECTIONS_PER_ADDRESS": "10"}
    daybook.start()
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    feed = b"GET /events?wait=60s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    with contextlib.ExitStack() as stack:
        # Feeds are being answered, so none is closed for another.
        taken = [stack.enter_context(connect(daybook.command.port, feed, "127.0.3.1")) for _ in range(10)]
        assert [status(connection) for connection in taken] == [200] * 10
        assert status(stack.enter_context(connect(daybook.command.port, ask, "127.0.3.1"))) == 503
        health = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert b"200 OK" in exchange_from(daybook.command.port, health, "127.0.3.1"), "health is always answered"
        assert status(stack.enter_context(connect(daybook.command.port, ask, "127.0.3.2"))) == 200


def exchange_from(port, sent, source):
    """All that comes back until the other side closes."""
    received = b""
    with connect(port, sent, source) as connection:
        while part := connection.recv(65536):
            received += part
    return received


def test_one_address_cannot_take_all_feeds(start_daybook):
    daybook = start_daybook(start=False)
    daybook.command.variables = {"HTTP_CONNECTIONS_PER_ADDRESS": "2500"}
    daybook.start()
    feed = b"GET /events?wait=60s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(connect(daybook.command.port, feed, "127.0.3.1")) for _ in range(260)]
        answers = [status(connection) for connection in taken]
        assert answers.count(200) == 250 and answers.count(503) == 10
        assert status(stack.enter_context(connect(daybook.command.port, feed, "127.0.3.2"))) == 200


def test_a_proxy_may_be_given_all_feeds(start_daybook):
    daybook = start_daybook(start=False)
    daybook.command.variables = {"HTTP_CONNECTIONS_PER_ADDRESS": "10000"}
    daybook.start()
    feed = b"GET /events?wait=60s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(connect(daybook.command.port, feed, "127.0.3.1")) for _ in range(600)]
        assert [status(connection) for connection in taken] == [200] * 600


def at_once(*calls):
    """Makes calls that take long side by side, and gives what they returned."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return [call.result() for call in [threads.submit(*call) for call in calls]]


def test_slow_heads_and_bodies_are_given_up(daybook):
    def try_at(service):
        with (
            connect(service.port, b"GET /livez HTTP/1.1\r\nX: ") as head,
            connect(service.port, SLOW) as body,
        ):
            return at_once((drip, head, 150, b"a"), (drip, body, 150, b"a"))

    answers = at_once(*((try_at, service) for service in daybook.services))
    for service, (head, body) in zip(daybook.services, answers, strict=True):
        assert head and b" 408 " in head and b"/problems/request-timeout" in head, (service.program, head)
        assert body, f"{service.program} takes a body for ever"
        # The others answer before they have read it, for there is nothing at the path; then they close, too.
        assert (b"/problems/request-timeout" in body) == (service is daybook.command), (service.program, body)


def test_a_bulk_body_that_drips_is_given_up_and_one_that_is_answered_is_not(daybook):
    daybook.gateway.open("drip", 1)
    head = (
        b"POST /commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    line = b'{"account":"drip","type":"Deposit","amount":1}\n'
    with connect(daybook.command.port, head) as silent, connect(daybook.command.port, head) as answered:
        nothing, something = at_once(
            (drip, silent, 150, b"1\r\n \r\n"), (drip, answered, 30, b"%x\r\n%s\r\n" % (len(line), line), 1)
        )
    assert nothing, "a body without a line goes on for ever"
    assert something is None


def test_a_bulk_client_that_pauses_after_its_answers_goes_on(daybook):
    daybook.gateway.open("pauses", 1)
    head = (
        b"POST /commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    line = b'{"account":"pauses","type":"Deposit","amount":1}\n'
    chunk = b"%x\r\n%s\r\n" % (len(line), line)
    with connect(daybook.command.port, head + chunk) as connection:
        received = b""
        # The whole line, with the end of its chunk: it may come in several records of TLS.
        while not (b'"line":1,' in received and received.endswith(b"\n\r\n")):
            received += connection.recv(4096)
        connection.settimeout(32)
        with pytest.raises(TimeoutError):
            connection.recv(4096)
        connection.settimeout(60)
        connection.sendall(chunk + b"0\r\n\r\n")
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            part = connection.recv(4096)
            assert part, received
            received += part
        assert b'"line":2,' in received


def is_connected(service_port, client_port):
    """Whether the service has the connection of a client's port."""
    rows = [row.split() for row in open("/proc/net/tcp").read().splitlines()[1:]]
    return any(
        row[3] == "01" and int(row[1][9:], 16) == service_port and int(row[2][9:], 16) == client_port for row in rows
    )


@pytest.fixture(scope="module")
def long_page(daybook):
    """A request whose answer has some MB."""
    body = b"\n".join(
        b'{"account":"unread-%d","type":"OpenAccount","owner":"%s","initial_balance":1}' % (n, b"\\u0001" * 256)
        for n in range(3000)
    )
    headers = {"Content-Type": "application/x-ndjson"}
    assert daybook.gateway.request("POST", "/commands", body, headers, timeout=120).status == 200
    daybook.wait_until_caught_up()
    return b"GET /events?limit=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_an_answer_that_is_not_taken_ends(daybook, long_page):
    def leave_untaken(service):
        with connect(service.port, long_page, buffer=4096) as connection:
            ports = service.port, connection.getsockname()[1]
            wait_until(lambda: is_connected(*ports), "the connection is seen")
            wait_until(lambda: not is_connected(*ports), f"{service.program} ends an answer that nobody takes", 200)

    at_once((leave_untaken, daybook.query), (leave_untaken, daybook.command))


def test_a_client_that_reads_slowly_gets_its_answer(daybook, long_page):
    def read_slowly(service):
        with connect(service.port, long_page, buffer=4096) as connection:
            received, end = 0, time.monotonic() + 75
            while time.monotonic() < end:
                part = connection.recv(4096)
                assert part, f"{service.program} ends an answer that is being read, after {received} bytes"
                received += len(part)
                time.sleep(0.25)  # The client's speed: 16 KB a second.
            return received

    for received in at_once((read_slowly, daybook.query), (read_slowly, daybook.command)):
        assert received > 300_000


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_last_answer_of_a_connection_is_sent_whole(daybook, long_page, version):
    request = long_page.replace(b"HTTP/1.1", f"HTTP/{version}".encode()).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    for service in (daybook.query, daybook.command):
        with connect(service.port, request, buffer=65536) as connection:
            time.sleep(0.5)  # So that more is written than the system takes at once.
            received = b""
            while part := connection.recv(1 << 16):
                received += part
        head, _, body = received.partition(b"\r\n\r\n")
        (length,) = re.findall(rb"(?i)content-length: (\d+)", head)
        assert len(body) == int(length) > 1 << 20, service.program


@pytest.mark.parametrize("what", WAITS)
@pytest.mark.parametrize("leave", ["FIN", "RST", "pipelined"])
def test_waits_whose_clients_left_starve_nobody(daybook, leave, what):
    daybook.gateway.open(f"left-{leave}-{what}", 1)
    for _ in range(300):
        connection = connect(daybook.command.port, WAITS[what] * (2 if leave == "pipelined" else 1))
        if leave == "RST":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    for _ in range(20):
        assert daybook.gateway.get(f"/accounts/left-{leave}-{what}?wait=60s").status == 200


@pytest.mark.parametrize("what", WAITS)
def test_waits_that_go_on_starve_nobody(daybook, what):
    daybook.gateway.open(f"waits-{what}", 1)
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(connect(daybook.command.port, WAITS[what]))
        for _ in range(20):
            assert daybook.gateway.get(f"/accounts/waits-{what}?wait=60s").status == 200


@pytest.mark.open_only("over TLS a client that closes its end closes the connection")
def test_a_client_that_has_only_closed_its_end_is_told_at_once_how_its_wait_ended(daybook):
    for service in (daybook.command, daybook.query):
        with connect(service.port, WAIT) as connection:
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(60)
            assert status(connection) == 503


def test_a_wait_through_the_gateway_ends_with_the_position(daybook):
    daybook.gateway.open("awaited", 1)
    position = daybook.event_log.figures()["position"]
    request = f"GET /accounts/awaited?min_position={position + 1}&wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connect(daybook.command.port, request.encode()) as connection:
        daybook.gateway.deposit("awaited", 1)
        assert status(connection) == 200


@pytest.mark.open_only("over TLS a client that closes its end closes the connection")
@pytest.mark.parametrize("what", WAITS)
def test_a_client_that_has_closed_its_end_is_told_at_once_how_all_its_waits_ended(daybook, what):
    with connect(daybook.command.port, WAITS[what] * 3) as connection:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(60)
        received = b""
        while part := connection.recv(65536):
            received += part
        assert received.count(b"HTTP/1.1 503 ") == 3, received


# In any case before such an answer is given up.
@within(services.STOP_DEADLINE, 25)
def test_a_service_that_stops_does_not_wait_for_an_answer_that_nobody_takes(start_daybook, limit):
    daybook = start_daybook()
    body = b"\n".join(
        b'{"account":"unread-%d","type":"OpenAccount","owner":"%s","initial_balance":1}' % (n, b"\\u0001" * 256)
        for n in range(2000)
    )
    headers = {"Content-Type": "application/x-ndjson"}
    assert daybook.gateway.request("POST", "/commands", body, headers, timeout=120).status == 200
    daybook.wait_until_caught_up()
    request = b"GET /events?limit=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for service in (daybook.query, daybook.command):
        with connect(service.port, request, buffer=4096) as connection:
            assert connection.recv(1)
            assert service.stop(deadline=limit) == 0
        service.start(wait=False)

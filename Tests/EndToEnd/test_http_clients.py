"""Real clients, and others that RFC 9110 and 9112 allow, at the services and through a proxy."""

import asyncio
import json
import shutil
import socket
import subprocess

import aiohttp
import pytest
import requests

import secured
from client import Client, connect, exchange, responses
from services import Ports, wait_until

LINES = 3000


def lines(prefix):
    return b"".join(
        b'{"account":"%s-%d","type":"OpenAccount","owner":"x","initial_balance":1}\n' % (prefix.encode(), number)
        for number in range(LINES)
    )


def assert_all_obeyed(body):
    answers = [json.loads(line) for line in body.splitlines()]
    assert [answer["line"] for answer in answers] == list(range(1, LINES + 1))
    assert {answer["status"] for answer in answers} == {201}


def test_curl_is_told_to_send_a_long_body(daybook, tmp_path):
    (tmp_path / "body").write_bytes(lines("curl"))
    # Without the 100 it would wait for a minute.
    run = subprocess.run(
        ["curl", "-sSv", "--expect100-timeout", "60", "-m", "100", secured.url(daybook.command.port, "/commands"),
         *secured.curl_options("POST", "/commands"),
         "-H", "Content-Type: application/x-ndjson", "-H", "Expect: 100-continue",
         "--data-binary", f"@{tmp_path / 'body'}"],
        capture_output=True, timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert b"100 Continue" in run.stderr
    assert_all_obeyed(run.stdout)


def test_a_client_that_is_not_told_to_send_its_body_is_told_that_the_connection_ends(daybook):
    request = (
        b"POST /nope HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n"
    )
    for service in daybook.services:
        # The answer is the last: else the next request would be taken for the body.
        (answer,) = responses(exchange(service.port, request, timeout=30))
        assert answer.status == 404, (service.program, answer)
        assert answer.headers["Connection"] == "close", service.program


def test_aiohttp_that_expects_a_100(daybook):
    async def post():
        async with aiohttp.ClientSession() as session:
            async with session.post(
                secured.url(daybook.command.port, "/commands"), data=lines("aiohttp"), expect100=True,
                headers={"Content-Type": "application/x-ndjson"} | secured.authorization("POST", "/commands"),
                timeout=aiohttp.ClientTimeout(100), ssl=secured.context() or True,
            ) as answer:
                return answer.status, await answer.read()

    status, body = asyncio.run(post())
    assert status == 200
    assert_all_obeyed(body)


def test_requests_over_one_connection(daybook):
    base = secured.url(daybook.command.port)
    with requests.Session() as session:
        secured.prepare(session)
        command = {"type": "OpenAccount", "owner": "R", "initial_balance": 1}
        assert session.post(f"{base}/accounts/requests", json=command, timeout=30).status_code == 201
        for _ in range(20):
            assert session.get(f"{base}/accounts/requests", timeout=30).json()["owner"] == "R"
        assert session.post(f"{base}/commands", data=lines("requests"), timeout=100,
                            headers={"Content-Type": "application/x-ndjson"}).status_code == 200


def test_a_100_never_stands_within_another_answer(daybook):
    daybook.gateway.open("within", 0)
    body = b'{"type":"Deposit","amount":1}'
    second = (
        b"POST /accounts/within HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    first = b"GET /events?after=0&min_position=999999&wait=1s HTTP/1.1\r\nHost: localhost\r\n\r\n"
    received = exchange(daybook.command.port, first + second + body)
    assert [answer.status for answer in responses(received)] == [503, 100, 200]
    bulk = b'{"account":"within","type":"Deposit","amount":1}\n' * LINES
    first = (
        b"POST /commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        b"Content-Length: %d\r\n\r\n" % len(bulk) + bulk
    )
    received = exchange(daybook.command.port, first + second + body, timeout=100)
    _, _, rest = received.partition(b"\r\n\r\n")
    chunks = b""
    while (size := int(rest[:rest.index(b"\r\n")], 16)) > 0:
        start = rest.index(b"\r\n") + 2
        chunks += rest[start:start + size]
        assert rest[start + size:start + size + 2] == b"\r\n"
        rest = rest[start + size + 2:]
    assert len(chunks.splitlines()) == LINES and b"100 Continue" not in chunks
    assert [answer.status for answer in responses(rest.partition(b"\r\n\r\n")[2])] == [100, 200]


def old_request(port, request, connection=None):
    """Sends an HTTP/1.0 request and gives the socket, the head and the body, which a length or the end delimits."""
    connection = connection or connect(port, 60)
    connection.sendall(request)
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        assert part, received
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(fields[b"content-length"]) if b"content-length" in fields else None
    while length is None or len(body) < length:
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return connection, head, fields, body


def test_http_1_0_with_keep_alive(daybook):
    daybook.gateway.open("old", 7)
    for service, target in (
        (daybook.command, b"/accounts/old"), (daybook.query, b"/accounts/old"), (daybook.event_log, b"/livez"),
    ):
        connection = None
        for _ in range(3):
            request = b"GET " + target + b" HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
            connection, head, fields, body = old_request(service.port, request, connection)
            assert head.startswith(b"HTTP/1.0 200") and fields[b"connection"] == b"keep-alive", head
            assert json.loads(body)
        connection.close()


def test_http_1_0_gets_no_chunks(daybook):
    body = lines("old-bulk")
    request = (
        b"POST /commands HTTP/1.0\r\nConnection: keep-alive\r\nContent-Type: application/x-ndjson\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body
    )
    _, head, fields, body = old_request(daybook.command.port, request)
    assert b"transfer-encoding" not in fields and fields[b"connection"] == b"close"
    assert_all_obeyed(body)


def test_the_querys_very_bytes_are_forwarded(daybook):
    daybook.gateway.open("bytes", 1, owner="Zoë & Söhne + 1")
    for query in (
        "owner=Zo%c3%ab+%26+S%C3%B6hne+%2B+1", "owner=Zo%c3%ab%20&limit=1", "limit=1&&", "limit", "limit=1&limit=2",
        "owner=" + "!$'()*,;:@/?" * 2000, "%6cimit=1", "owner=%ff", "owner=%", "wait=soon", "min_position=-1",
    ):
        answers = [client.get(f"/accounts?{query}") for client in (daybook.gateway, daybook.queries)]
        assert answers[0].status == answers[1].status, (query, answers)
        assert answers[0].body == answers[1].body, query


@pytest.mark.parametrize("request_line, fields, status, name", [
    (b"GET /" + b"a" * 70_000 + b" HTTP/1.1", b"", 414, "uri-too-long"),
    (b"GET /" + b"a" * 100_000 + b" HTTP/1.1", b"", 431, "headers-too-large"),
    (b"GET /livez HTTP/1.1", b"X: " + b"a" * 100_000 + b"\r\n", 431, "headers-too-large"),
    (b"GET /livez HTTP/1.1", b"X: y\r\n" * 2000, 431, "headers-too-large"),
    (b"BREW /livez HTTP/1.1", b"", 405, "method-not-allowed"),
    (b"GET /livez HTTP/1.1", b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400, "malformed-request"),
    (b"GET /livez HTTP/1.1", b"Content-Length: 1\r\nContent-Length: 2\r\n", 400, "malformed-request"),
    (b"GET /livez HTTP/1.0", b"Transfer-Encoding: chunked\r\n", 400, "malformed-request"),
    (b"GET /livez HTTP/1.1", b"No colon\r\n", 400, "malformed-request"),
    (b"GET /livez HTTP/1.1", b" folded\r\n", 400, "malformed-request"),
    (b"GET /liv\xffez HTTP/1.1", b"", 400, "malformed-request"),
    (b"GET /livez#x HTTP/1.1", b"", 400, "malformed-request"),
    (b"GET livez HTTP/1.1", b"", 400, "malformed-request"),
    (b"POST /livez HTTP/1.1", b"Expect: nonsense\r\n", 417, "expectation-failed"),
])
def test_what_is_no_request_is_answered_with_a_problem(daybook, request_line, fields, status, name):
    for service in daybook.services:
        good = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        bad = request_line + b"\r\nHost: localhost\r\n" + fields + b"\r\n"
        first, second = responses(exchange(service.port, good + bad, timeout=30))
        assert first.status == 200
        assert second.status == status, second
        assert second.headers["Content-Type"] == "application/problem+json"
        assert second.headers["Connection"] == "close"
        assert second.json["type"] == f"/problems/{name}" and second.json["status"] == status


@pytest.fixture(scope="module", params=["1.0", "1.1"])
def proxied(request, daybook, tmp_path_factory):
    """A client of nginx, which speaks a version of HTTP with the gateway."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    folder, port = tmp_path_factory.mktemp("nginx"), Ports.take()
    keep = 'proxy_set_header Connection "";' if request.param == "1.1" else ""
    listen = ""
    if secured.IS_SECURED:
        own = secured.shared()
        listen = f" ssl; ssl_certificate {own.certificate}; ssl_certificate_key {own.certificate_key}"
        keep += f"proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_trusted_certificate {own.authority.certificate};"
    (folder / "nginx.conf").write_text(f"""
        daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 256; }}
        http {{
            access_log off;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
            upstream daybook {{ server 127.0.0.1:{daybook.command.port}; keepalive 4; }}
            server {{
                listen 127.0.0.1:{port}{listen};
                client_max_body_size 0;
                location / {{
                    proxy_pass {secured.SCHEME}://daybook;
                    proxy_http_version {request.param}; {keep}
                    proxy_set_header Host $http_host;
                    proxy_buffering off;
                }}
            }}
        }}""")
    process = subprocess.Popen(
        [nginx, "-p", folder, "-c", folder / "nginx.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    client = Client(port)
    try:
        def answers():
            try:
                with socket.create_connection(("127.0.0.1", port), 1):
                    return True
            except OSError:
                return False

        wait_until(answers, "nginx listens")
        client.version = request.param.replace(".", "-")
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(30)


def test_nginx_in_front(proxied):
    account = f"nginx-{proxied.version}"
    proxied.open(account, 5)
    for number in range(1, 20):
        assert proxied.deposit(account, 1).status == 200
        assert proxied.account(account)["version"] == number + 1
    assert len(proxied.events(account)) == 20
    assert proxied.get("/accounts/none").status == 404
    answer = proxied.request(
        "POST", "/commands", lines(account), {"Content-Type": "application/x-ndjson"}, timeout=100
    )
    assert answer.status == 200
    assert_all_obeyed(answer.body)


def test_a_feed_through_nginx(proxied):
    account = f"feed-{proxied.version}"
    proxied.open(account, 5)
    request = b"GET /events?after=0&wait=60s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    received = exchange(proxied.port, request, timeout=60, until=lambda got: account.encode() in got)
    assert b"event: AccountOpened" in received

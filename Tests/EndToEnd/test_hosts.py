"""Who a request is for, and from which page it comes: what a web page on the same machine cannot do."""

import json
import socket

import pytest

from client import exchange, responses

COMMAND = json.dumps({"type": "OpenAccount", "owner": "Eve", "initial_balance": 1}).encode()


@pytest.fixture(scope="module")
def named(module_services):
    return module_services(HTTP_ALLOWED_HOSTS="bank.example, Other.Example.")


def ask(port, *fields, method="GET", target="/livez", body=b"", version="HTTP/1.1"):
    head = f"{method} {target} {version}\r\n" + "".join(f"{field}\r\n" for field in fields)
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    received = exchange(port, head.encode("latin-1") + b"Connection: close\r\n\r\n" + body)
    (answer,) = responses(received, head=(0,) if method == "HEAD" else ())
    return answer


def assert_refused(answer, status, name):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json", answer
    assert answer.headers["Connection"] == "close", answer
    assert answer.json["type"] == f"/problems/{name}", answer


def test_a_foreign_host_is_refused_on_every_path_of_every_service(named):
    for service in named.services:
        for method, target in (
            ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/accounts"), ("GET", "/events"),
            ("GET", "/openapi.json"), ("POST", "/accounts/eve"), ("POST", "/commands"),
            ("POST", "/projections/accounts/rebuild"), ("OPTIONS", "/"), ("GET", "/nothing"),
        ):
            answer = ask(service.port, "Host: evil.example", method=method, target=target)
            assert_refused(answer, 421, "misdirected-request")
        assert_refused(ask(service.port, "Host: localhost", target="http://evil.example/livez"), 421, "misdirected-request")
        assert ask(service.port, "Host: evil.example", method="HEAD").status == 421


@pytest.mark.parametrize("host", [
    "localhost", "LOCALHOST", "localhost.", "localhost:1", "localhost:", "127.0.0.1", "[::ffff:127.0.0.1]", "bank.example",
    "Bank.Example.:443", "other.example",
])
def test_the_services_own_names_are_taken_whatever_the_port(named, host):
    for service in named.services:
        assert ask(service.port, f"Host: {host}").status == 200


@pytest.mark.parametrize("host", ["", "127.0.0.2", "0.0.0.0", "[::1]", "localhost.evil.example", "xlocalhost"])
def test_other_names_and_addresses_are_foreign(named, host):
    assert_refused(ask(named.command.port, f"Host: {host}"), 421, "misdirected-request")


@pytest.mark.parametrize("fields", [
    (), ("Host: localhost", "Host: localhost"), ("Host: a b",), ("Host: localhost:99999",), ("Host: localhost:x",),
    ("Host: user@localhost",), ("Host: [::1",), ("Host: a/b",), ("Host: localhost, localhost",),
])
def test_no_host_two_or_none_that_is_one_are_400(named, fields):
    for service in named.services:
        assert_refused(ask(service.port, *fields), 400, "malformed-request")


def test_a_listener_for_all_addresses_takes_those_that_it_is_reached_at(start_daybook):
    daybook = start_daybook(start=False, ALLOW_INSECURE="yes")
    port = daybook.event_log.port
    daybook.settings["EVENT_LOG_HTTP_ADDRESS"] = f"0.0.0.0:{port}"
    daybook.event_log.start()
    assert ask(port, f"Host: 127.0.0.1:{port}").status == 200
    assert ask(port, "Host: localhost").status == 200
    assert ask(port, "Host: 127.0.0.9").status == 421
    assert ask(port, "Host: evil.example").status == 421


def test_a_page_of_another_origin_has_no_effect(named):
    port = named.command.port
    for number, origin in enumerate((
        "null", "http://evil.example", f"http://evil.example:{port}", "http://localhost:1", f"http://127.0.0.1:{port}",
        f"ftp://localhost:{port}", "nonsense", "",
    )):
        answer = ask(
            port, f"Host: localhost:{port}", f"Origin: {origin}", method="POST", target=f"/accounts/eve-{number}", body=COMMAND
        )
        assert_refused(answer, 403, "foreign-origin")
        assert named.gateway.get(f"/accounts/eve-{number}").status == 404
    for service in named.services:
        answer = ask(
            service.port, "Host: localhost", "Origin: https://evil.example", method="POST",
            target="/projections/accounts/rebuild", body=b"x",
        )
        assert_refused(answer, 403, "foreign-origin")


def test_a_page_of_the_services_own_origin_may_ask(named):
    port = named.command.port
    own = ((f"localhost:{port}", f"http://localhost:{port}"), ("bank.example", "https://bank.example"),
           ("bank.example", "http://bank.example"), ("bank.example:443", "https://bank.example"))
    for number, (host, origin) in enumerate(own):
        answer = ask(
            port, f"Host: {host}", f"Origin: {origin}", method="POST", target=f"/accounts/own-{number}", body=COMMAND
        )
        assert answer.status == 201, answer
    assert ask(port, "Host: localhost", "Origin: http://evil.example", target="/accounts/own-0").status == 200


def test_names_with_ports_are_a_wrong_setting(start_daybook):
    daybook = start_daybook(start=False, HTTP_ALLOWED_HOSTS="bank.example:80")
    daybook.event_log.start(wait=False)
    assert daybook.event_log.wait_for_end() == 64
    assert "HTTP_ALLOWED_HOSTS" in daybook.event_log.output


def test_a_gateway_reaches_the_query_service_by_any_name(start_daybook):
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        address = ""
    if address != "127.0.0.1":
        pytest.skip("this machine's name does not lead to 127.0.0.1")
    daybook = start_daybook(start=False)
    daybook.command.variables = {"QUERY_HTTP_ADDRESS": f"{name}:{daybook.query.port}"}
    daybook.start()
    daybook.gateway.open("named", 1)
    assert daybook.gateway.get("/accounts/named").status == 200

"""Pages of other origins: those that the settings name may use the services from a browser, and no others."""

import json

import pytest

from client import exchange, responses
from guarded import Tokens, connect, head, read_until

pytestmark = pytest.mark.open_only("it has secrets of its own, in one form of the harness as in the other")

ALLOWED = "https://bank.example"
BODY = json.dumps({"type": "OpenAccount", "owner": "Eve", "initial_balance": 1}).encode()


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens.jsonl")


@pytest.fixture(scope="module")
def open_to_pages(module_services, tokens):
    return module_services(
        ACCESS_TOKENS=tokens.path, HTTP_CORS_ORIGINS="https://Bank.example:443, http://localhost:3000", HTTP_ALLOWED_HOSTS="own.example"
    )


def ask(port, method, target, headers={}, body=b"", **fields):
    if body:
        fields |= {"Content_Type": "application/json", "Content_Length": str(len(body))}
    (answer,) = responses_of(exchange(port, head(method, target, headers, Connection="close", **fields) + body), method)
    return answer


def responses_of(received, method):
    # 204 has no length.
    if received.startswith(b"HTTP/1.1 204 "):
        received = received.replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n", 1)
    return responses(received, head=(0,) if method == "HEAD" else ())


def assert_shared(answer, origin=ALLOWED):
    assert answer.headers.get_all("Access-Control-Allow-Origin") == [origin], answer
    assert "Origin" in ", ".join(answer.headers.get_all("Vary")), answer
    assert "Daybook-Position" in answer.headers["Access-Control-Expose-Headers"], answer
    assert answer.headers["Access-Control-Allow-Credentials"] is None, answer


def assert_not_shared(answer):
    for name in ("Allow-Origin", "Expose-Headers", "Allow-Methods", "Allow-Headers"):
        assert answer.headers[f"Access-Control-{name}"] is None, answer
    # Whoever keeps answers must keep those of others apart.
    assert "Origin" in ", ".join(answer.headers.get_all("Vary")), answer


def test_a_browser_is_told_before_what_it_may_send(open_to_pages):
    for service, path, method, methods in (
        (open_to_pages.command, "/accounts/a1", "POST", {"POST", "GET", "HEAD"}),
        (open_to_pages.command, "/commands", "POST", {"POST"}), (open_to_pages.query, "/events", "GET", {"GET", "HEAD"}),
        (open_to_pages.event_log, "/metrics", "GET", {"GET", "HEAD"}),
    ):
        answer = ask(
            service.port, "OPTIONS", path, Origin=ALLOWED, Access_Control_Request_Method=method,
            Access_Control_Request_Headers="authorization,idempotency-key",
        )
        assert answer.status == 204, answer
        assert answer.body == b""
        assert_shared(answer)
        assert set(answer.headers["Access-Control-Allow-Methods"].split(", ")) == methods
        allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert {"authorization", "idempotency-key", "if-match", "if-none-match", "traceparent", "content-type", "last-event-id"} <= set(allowed)
        assert int(answer.headers["Access-Control-Max-Age"]) > 0


def test_a_connection_goes_on_after_that_question(open_to_pages):
    with connect(open_to_pages.command.port) as connection:
        for _ in range(3):
            connection.sendall(head("OPTIONS", "/accounts/a1", Origin=ALLOWED, Access_Control_Request_Method="POST"))
            assert b" 204 " in read_until(connection, b"\r\n\r\n")
        connection.sendall(head("GET", "/livez", Origin=ALLOWED))
        assert b'"live"' in read_until(connection, b"}")


@pytest.mark.parametrize("origin", [
    "https://evil.example", "http://bank.example", "https://bank.example.evil.example", "https://bank.example:444", "null",
    "https://bank.example/", "http://localhost:1", "*",
])
def test_other_origins_are_told_nothing(open_to_pages, tokens, origin):
    port = open_to_pages.command.port
    answer = ask(port, "OPTIONS", "/accounts/a1", Origin=origin, Access_Control_Request_Method="POST")
    assert answer.status == 405, answer
    assert_not_shared(answer)
    answer = ask(port, "GET", "/accounts", tokens.header("reader"), Origin=origin)
    assert answer.status == 200
    assert_not_shared(answer)
    answer = ask(port, "POST", "/accounts/eve", tokens.header("manager"), BODY, Origin=origin)
    assert answer.status == 403 and answer.json["type"] == "/problems/foreign-origin", answer
    assert_not_shared(answer)


def test_a_page_of_an_allowed_origin_may_do_everything_that_its_token_may(open_to_pages, tokens):
    port = open_to_pages.command.port
    for number, origin in enumerate((ALLOWED, "http://localhost:3000")):
        answer = ask(port, "POST", f"/accounts/page-{number}", tokens.header("manager"), BODY, Origin=origin)
        assert answer.status == 201, answer
        assert_shared(answer, origin)
        for method in ("GET", "HEAD"):
            # Forwarded.
            answer = ask(port, method, f"/accounts/page-{number}", tokens.header("reader"), Origin=origin)
            assert answer.status == 200, answer
            assert_shared(answer, origin)


def test_refusals_of_every_kind_may_be_read_by_the_page(open_to_pages, tokens):
    port = open_to_pages.command.port
    for status, method, target, headers, fields in (
        (401, "GET", "/accounts", {}, {}), (401, "GET", "/accounts", {"Authorization": "Bearer x"}, {}),
        (403, "GET", "/events", tokens.header("teller"), {}), (404, "GET", "/nothing", {}, {}),
        (404, "GET", "/accounts/nobody", tokens.header("reader"), {}), (405, "PUT", "/accounts", {}, {}),
        (417, "POST", "/accounts/a", tokens.header("teller"), {"Expect": "tea", "Content_Length": "0"}),
        (415, "POST", "/accounts/a", tokens.header("teller"), {"Content_Length": "0"}),
    ):
        answer = ask(port, method, target, headers, Origin=ALLOWED, **fields)
        assert answer.status == status, answer
        # What is refused before the origin was looked at tells it nothing, too.
        if status != 417:
            assert_shared(answer)
    answer = ask(port, "GET", "/accounts", {}, Origin=[ALLOWED, "https://evil.example"])
    assert_not_shared(answer)


def test_a_feed_may_be_read_by_the_page(open_to_pages, tokens):
    for service in (open_to_pages.command, open_to_pages.query):
        with connect(service.port) as feed:
            feed.sendall(head("GET", "/events?wait=60s", tokens.header("auditor"), Accept="text/event-stream", Origin=ALLOWED))
            answer = read_until(feed, b": after position").decode().lower()
            assert f"access-control-allow-origin: {ALLOWED}" in answer
            assert "access-control-expose-headers" in answer


def test_without_the_setting_nothing_is_told(daybook):
    for service in daybook.services:
        answer = ask(service.port, "GET", "/livez", Origin=ALLOWED)
        assert answer.headers["Vary"] is None and answer.headers["Access-Control-Allow-Origin"] is None, answer
        assert ask(service.port, "OPTIONS", "/livez", Origin=ALLOWED, Access_Control_Request_Method="GET").status == 405


@pytest.mark.parametrize("value", ["*", "null", "bank.example", "https://", "https://a/b", "ftp://a", "https://a b", "https://user@a"])
def test_what_is_no_origin_is_a_wrong_setting(start_daybook, value):
    daybook = start_daybook(start=False, HTTP_CORS_ORIGINS=value)
    daybook.event_log.start(wait=False)
    assert daybook.event_log.wait_for_end() == 64, daybook.event_log.output
    assert "HTTP_CORS_ORIGINS" in daybook.event_log.output

"""Who is let in: at the gateway, the query service and the event log, before anything of a request is read or done."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import exchange, responses
from guarded import Issuer, Tokens, connect, head, read_to_end, read_until
from services import wait_until

pytestmark = pytest.mark.open_only("it has secrets of its own, in one form of the harness as in the other")

COMMAND = {"type": "OpenAccount", "owner": "Eve", "initial_balance": 1}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer") / "keys.json")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens.jsonl")


@pytest.fixture(scope="module")
def guarded(module_services, tokens, issuer):
    daybook = module_services(ACCESS_TOKENS=tokens.path, **issuer.settings)
    assert daybook.gateway.post("known", COMMAND, headers=tokens.header("manager")).status == 201
    return daybook


def one(port, sent, is_head=False):
    (answer,) = responses(exchange(port, sent), head=(0,) if is_head else ())
    return answer


def assert_problem(answer, status, name):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json", answer
    assert answer.json["type"] == f"/problems/{name}", answer


def test_without_a_token_nothing_but_health_and_explanations_is_to_be_had(guarded):
    for service, method, path in (
        (guarded.command, "GET", "/accounts"), (guarded.command, "GET", "/accounts/known"),
        (guarded.command, "GET", "/accounts/known/events"), (guarded.command, "GET", "/events"),
        (guarded.command, "GET", "/totals"), (guarded.command, "GET", "/metrics"),
        (guarded.command, "HEAD", "/accounts"), (guarded.query, "GET", "/accounts"), (guarded.query, "GET", "/events"),
        (guarded.query, "GET", "/projections"), (guarded.query, "GET", "/metrics"), (guarded.event_log, "GET", "/metrics"),
    ):
        answer = service.client.request(method, path)
        assert answer.status == 401, (service.program, method, path, answer)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        if method != "HEAD":
            assert_problem(answer, 401, "unauthenticated")
    for service in guarded.services:
        for path in ("/livez", "/readyz", "/problems", "/problems/forbidden", "/problems/unauthenticated"):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
                assert service.client.get(path, headers=headers).status == 200, (service.program, path, headers)
    assert guarded.gateway.get("/openapi.json").status == 200


def test_a_wrong_token_is_said_to_be_one(guarded, issuer):
    for value in (
        "Bearer wrong", "Basic eDp5", "Bearer", "Bearer a b", f"Bearer {issuer.token(aud='other')}",
        f"Bearer {issuer.token(seconds=-600)}", f"Bearer {issuer.token()[:-6]}AAAAAA",
    ):
        for service in (guarded.command, guarded.query):
            answer = service.client.get("/accounts", headers={"Authorization": value})
            assert_problem(answer, 401, "unauthenticated")
            assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"', answer
            assert "wrong" not in answer.json["detail"]


def test_two_tokens_are_none(guarded, tokens):
    good = f"Bearer {tokens.texts['reader']}"
    for service in (guarded.command, guarded.query):
        for values in ([good, good], [good, "Bearer wrong"], ["Bearer wrong", good]):
            sent = head("GET", "/accounts", Authorization=values, Connection="close")
            assert_problem(one(service.port, sent), 401, "unauthenticated")


def test_a_role_that_does_not_suffice_is_told_the_one_that_does(guarded, tokens):
    for service, role, method, path, needed in (
        (guarded.command, "reader", "POST", "/accounts/new", "teller"), (guarded.command, "reader", "POST", "/commands", "teller"),
        (guarded.command, "teller", "GET", "/events", "auditor"), (guarded.command, "manager", "GET", "/totals", "auditor"),
        (guarded.command, "operator", "GET", "/accounts", "reader"), (guarded.command, "manager", "GET", "/metrics", "operator"),
        (guarded.query, "operator", "GET", "/accounts/known", "reader"), (guarded.query, "auditor", "GET", "/projections", "operator"),
        (guarded.query, "auditor", "POST", "/projections/accounts/rebuild", "operator"),
        (guarded.event_log, "manager", "GET", "/metrics", "operator"),
    ):
        answer = service.client.request(method, path, headers=tokens.header(role))
        assert_problem(answer, 403, "forbidden")
        assert answer.json["role"] == needed, answer
        assert needed in answer.json["detail"]


def test_what_there_is_not_is_said_to_everybody(guarded, tokens):
    for headers in ({}, tokens.header("operator")):
        assert_problem(guarded.gateway.get("/nothing", headers=headers), 404, "not-found")
        answer = guarded.gateway.request("PUT", "/accounts/known", headers=headers)
        assert_problem(answer, 405, "method-not-allowed")
        answer = guarded.gateway.request("OPTIONS", "/accounts", headers=headers)
        assert_problem(answer, 405, "method-not-allowed")


def test_details_of_readiness_are_not_for_strangers(guarded, tokens):
    for service in guarded.services:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            assert service.client.get("/readyz", headers=headers).json == {"status": "ready"}
        for role in ("reader", "operator"):
            assert "position" in service.client.get("/readyz", headers=tokens.header(role)).json


def test_a_client_that_sees_some_accounts_is_not_told_details_of_readiness(guarded, tokens):
    tokens.add("till-9", "teller", accounts="till-9-*")
    wait_until(
        lambda: guarded.gateway.get("/accounts", headers=tokens.header("till-9")).status == 200, "the new token is taken"
    )
    for service in guarded.services:
        assert service.client.get("/readyz", headers=tokens.header("till-9")).json == {"status": "ready"}


@pytest.mark.parametrize("shown, status", [({}, 401), ({"Authorization": "Bearer wrong"}, 401), ("reader", 403)])
def test_no_body_is_asked_for_or_waited_for(guarded, tokens, shown, status):
    headers = tokens.header(shown) if isinstance(shown, str) else shown
    for path in ("/accounts/eve", "/commands"):
        for further in (
            {"Expect": "100-continue", "Content-Length": "5000"}, {"Content-Length": "5000"},
            {"Content-Length": "99999999"}, {"Transfer-Encoding": "chunked"},
        ):
            with connect(guarded.command.port) as connection:
                connection.sendall(head("POST", path, headers, Content_Type="application/json", **further))
                received = read_until(connection, b"}")
                assert received.startswith(f"HTTP/1.1 {status} ".encode()), received
                assert b"100 Continue" not in received


def test_a_client_that_is_let_in_is_told_to_send_its_body(guarded, tokens, issuer):
    for number, headers in enumerate((tokens.header("manager"), issuer.header())):
        body = json.dumps(COMMAND).encode()
        with connect(guarded.command.port) as connection:
            connection.sendall(
                head(
                    "POST", f"/accounts/told-{number}", headers, Content_Type="application/json",
                    Content_Length=str(len(body)), Expect="100-continue",
                )
            )
            received = read_until(connection, b"\r\n\r\n")
            assert received.startswith(b"HTTP/1.1 100 "), received
            connection.sendall(body)
            assert b"HTTP/1.1 201 " in read_until(connection, b"}")


def test_a_refused_request_costs_no_connection(guarded, tokens):
    body = json.dumps(COMMAND).encode()
    refused = head("POST", "/accounts/x", tokens.header("reader"), Content_Type="application/json", Content_Length=str(len(body)))
    stranger = head("GET", "/accounts")
    let_in = head("GET", "/accounts/known", tokens.header("reader"))
    with connect(guarded.command.port) as connection:
        for _ in range(50):
            for sent, status in ((refused + body, 403), (stranger, 401), (let_in, 200)):
                connection.sendall(sent)
                assert read_until(connection, b"}").startswith(f"HTTP/1.1 {status} ".encode())
    # Pipelined, each with a credential of its own.
    sent = (refused + body + stranger + let_in) * 20 + head("GET", "/livez", Connection="close")
    assert [answer.status for answer in responses(exchange(guarded.command.port, sent))] == [403, 401, 200] * 20 + [200]
    assert_problem(guarded.gateway.get("/accounts/x", headers=tokens.header("reader")), 404, "account-not-found")


def test_requests_whose_signature_is_verified_first_lose_nothing(guarded, issuer):
    body = json.dumps(COMMAND).encode()
    port = guarded.command.port

    def post(number):
        account = f"signed-{number}"
        sent = head("POST", f"/accounts/{account}", issuer.header(), Content_Type="application/json", Content_Length=str(len(body)))
        query = head("GET", f"/accounts/{account}", issuer.header(), Connection="close")
        with connect(port) as connection:
            connection.sendall(sent + body + query)
            # The client has no more to say.
            if number % 2:
                connection.shutdown(socket.SHUT_WR)
            return [answer.status for answer in responses(read_to_end(connection))]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(post, range(64))) == [[201, 200]] * 64


def test_a_client_may_leave_while_its_signature_is_verified(guarded, issuer):
    for _ in range(50):
        with connect(guarded.command.port) as connection:
            connection.sendall(head("GET", "/accounts", issuer.header()))
    assert guarded.gateway.get("/accounts", headers=issuer.header()).status == 200
    assert guarded.command.is_running


def test_a_feed_ends_with_its_token(guarded, tokens):
    for service in (guarded.command, guarded.query):
        name = f"listener-{service.port}"
        tokens.add(name, "auditor")
        wait_until(lambda: service.client.get("/events?limit=1", headers=tokens.header(name)).status == 200, "the token is taken")
        with connect(service.port, timeout=60) as feed, connect(service.port, timeout=60) as other:
            feed.sendall(head("GET", "/events?wait=60s", tokens.header(name), Accept="text/event-stream"))
            other.sendall(head("GET", "/events?wait=60s", tokens.header("auditor"), Accept="text/event-stream"))
            for connection in (feed, other):
                assert b"HTTP/1.1 200 " in read_until(connection, b": after position")
            tokens.revoke(name)
            begun = time.monotonic()
            read_to_end(feed)
            assert time.monotonic() - begun < 20
            # That of another goes on.
            other.settimeout(2)
            with pytest.raises(TimeoutError):
                while other.recv(65536):
                    pass
        assert_problem(service.client.get("/accounts", headers=tokens.header(name)), 401, "unauthenticated")


def test_a_feed_ends_when_its_token_expires(guarded, issuer):
    for service in (guarded.command, guarded.query):
        with connect(service.port, timeout=60) as feed:
            feed.sendall(head("GET", "/events?wait=60s", issuer.header("auditor", seconds=6), Accept="text/event-stream"))
            assert b"HTTP/1.1 200 " in read_until(feed, b": after position")
            read_to_end(feed)


def test_a_gateway_does_not_pass_on_what_only_it_may_say(guarded, tokens):
    headers = tokens.header("manager") | {"Daybook-Gateway": "x"}
    for service in (guarded.gateway, guarded.queries):
        assert service.get("/accounts/known", headers=headers).status == 200


def test_whoever_asks_for_less_gets_less_from_either_service(guarded, tokens):
    tokens.add("till-7", "teller", accounts="till-7-*")
    for service in (guarded.gateway, guarded.queries, guarded.gateway):
        wait_until(lambda: service.get("/accounts", headers=tokens.header("till-7")).status == 200, "the token is taken")
    for service in (guarded.gateway, guarded.queries):
        for pattern in ("not a pattern", "a*b"):
            headers = tokens.header("manager") | {"Daybook-Accounts": pattern}
            assert_problem(service.get("/accounts/known", headers=headers), 400, "invalid-parameter")
        for pattern, status in (("known", 200), ("kn*", 200), ("other", 404), ("o*", 404)):
            headers = tokens.header("manager") | {"Daybook-Accounts": pattern}
            assert service.get("/accounts/known", headers=headers).status == status, pattern
            listed = [account["id"] for account in service.get("/accounts", headers=headers).json]
            assert listed == (["known"] if status == 200 else []), (pattern, listed)
        # Never more than the token reaches, and nothing if what is asked for is beyond that.
        for pattern in ("*", "known", "kn*"):
            headers = tokens.header("till-7") | {"Daybook-Accounts": pattern}
            assert service.get("/accounts", headers=headers).json == []
            assert_problem(service.get("/accounts/known", headers=headers), 404, "account-not-found")


def test_what_follows_a_request_that_waits_for_a_signature_is_not_mixed_with_it(guarded, tokens, issuer):
    """The first is answered as soon as its sender is known; the second is under way when the first one's body is handed on."""
    smuggled = b'{"account":"known","type":"Deposit","amount":77}\n'
    line = b'{"account":"known","type":"Deposit","amount":2}\n'
    chunk = f"{len(line):x}\r\n".encode() + line + b"\r\n"
    first = head(
        "GET", "/accounts/x", issuer.header("reader"), Daybook_Min_Position="abc", Content_Length=str(len(smuggled)))
    second = head(
        "POST", "/commands", tokens.header("manager"), Content_Type="application/x-ndjson", Transfer_Encoding="chunked",
        Connection="close")
    with connect(guarded.command.port) as connection:
        connection.sendall(first + smuggled + second + chunk)
        received = read_until(connection, b'"line":1')
        connection.sendall(chunk + b"0\r\n\r\n")
        received += read_to_end(connection)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b'{"line":') == 2 and received.count(b'"status":200') == 2, received
    events = guarded.gateway.get("/accounts/known/events", headers=tokens.header("manager")).json
    assert all(event.get("amount") != 77 for event in events)


def test_the_rate_limit_holds_for_signatures_too_and_leaves_room_beside_many_commands(module_services, tokens, issuer):
    daybook = module_services(ACCESS_TOKENS=tokens.path, HTTP_RATE_LIMIT="20/s", **issuer.settings)
    # Whoever asks for health with tokens that must be verified is soon a stranger.
    def is_told_more(_):
        return "position" in daybook.gateway.get("/readyz", headers=issuer.header("operator")).json

    assert is_told_more(None)
    with ThreadPoolExecutor(8) as pool:
        assert not all(pool.map(is_told_more, range(400)))
    lines = b"".join(json.dumps(COMMAND | {"account": f"many-{number}"}).encode() + b"\n" for number in range(100))
    headers = tokens.header("manager") | {"Content-Type": "application/x-ndjson"}
    with ThreadPoolExecutor(1) as pool:
        bulk = pool.submit(daybook.gateway.request, "POST", "/commands", lines, headers, timeout=120)
        statuses = []
        while not bulk.done():
            statuses.append(daybook.gateway.get("/accounts?limit=1", headers=tokens.header("manager")).status)
            time.sleep(0.3)
        assert bulk.result().body.count(b'"status":201') == 100
    assert statuses.count(200) > len(statuses) / 2, statuses


def test_a_client_that_asks_too_much_is_told_when_to_ask_again(module_services, tokens):
    daybook = module_services(ACCESS_TOKENS=tokens.path, HTTP_RATE_LIMIT="20/s")
    # The gateway has counted what it forwards.
    daybook.query.kill()
    daybook.query.variables = {"HTTP_RATE_LIMIT": "1/s"}
    daybook.query.start()
    daybook.command.wait_until_ready()
    refused = None
    for _ in range(500):
        answer = daybook.gateway.get("/accounts", headers=tokens.header("reader"))
        if answer.status != 200:
            refused = answer
            break
    assert_problem(refused, 429, "rate-limited")
    assert int(refused.headers["Retry-After"]) >= 1
    # Others are not meant, nor is health.
    assert daybook.gateway.get("/accounts", headers=tokens.header("auditor")).status == 200
    for _ in range(60):
        assert daybook.gateway.get("/livez").status == 200
        assert daybook.gateway.get("/readyz").status == 200
    answers = [daybook.queries.get("/accounts", headers=tokens.header("reader")).status for _ in range(20)]
    assert 429 in answers and 200 in answers
    # Whoever proves nothing is counted by its address.
    statuses = {daybook.queries.get("/accounts").status for _ in range(20)}
    assert statuses == {401, 429}


def test_many_commands_in_one_request_are_slowed_down_and_not_refused(module_services, tokens):
    daybook = module_services(ACCESS_TOKENS=tokens.path, HTTP_RATE_LIMIT="50/s")
    lines = b"".join(json.dumps(COMMAND | {"account": f"slow-{number}"}).encode() + b"\n" for number in range(200))
    headers = tokens.header("manager") | {"Content-Type": "application/x-ndjson"}
    begun = time.monotonic()
    answer = daybook.gateway.request("POST", "/commands", lines, headers, timeout=120)
    assert answer.status == 200 and answer.body.count(b'"status":201') == 200, answer
    # A second's worth is taken at once.
    assert time.monotonic() - begun > 2

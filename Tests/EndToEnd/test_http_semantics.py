"""HTTP as its RFCs have it: what is chosen by a header field, what is refused, and what every answer says."""

import gzip
import itertools
import json
import re
import time
from decimal import Decimal
from pathlib import Path

import pytest

from client import exchange
from daybook_tool import Tool
from problems import TITLES, assert_problem
from services import START_DEADLINE, wait_until

_numbers = itertools.count(1)

DEPOSIT = {"type": "Deposit", "amount": 1}
AMOUNTS_AS_STRINGS = {"Accept": "application/json;amounts=string"}


@pytest.fixture
def account(daybook):
    name = f"s-{next(_numbers)}"
    daybook.gateway.open(name, "1000.00")
    return name


@pytest.fixture(params=["gateway", "query service"])
def client(daybook, request):
    daybook.wait_until_caught_up()
    return daybook.gateway if request.param == "gateway" else daybook.queries


def refused(daybook, request):
    """What `request()` answers; nothing may be recorded by it."""
    before = daybook.event_log.figures()["position"]
    answer = request()
    assert daybook.event_log.figures()["position"] == before, "a refused request was recorded"
    return answer


# ---- Accept

# What is asked for, and whether the log is then told as a feed.
ACCEPTED = {
    "text/event-stream": True,
    "Text/Event-Stream": True,
    "text/event-stream;q=0.5": True,
    "text/*": True,
    "text/event-stream, */*": True,
    "application/json;q=0.1, text/event-stream": True,
    ",, text/event-stream ,": True,
    "application/json;q=0, */*": True,
    'application/x;note="a,b;c\\"", text/event-stream': True,
    "text/event-stream;q=0": False,
    "text/event-stream;q=0.000, application/json": False,
    "text/event-stream-not": False,
    "x-text/event-stream": False,
    'application/json;note="text/event-stream"': False,
    "application/json, text/event-stream": False,
    "text/event-stream;q=0.2, application/json;q=0.3": False,
    "text/event-stream;q=2": False,
    "text/event-stream;q=0.1234": False,
    "text/event-stream;version=2": False,
    "*/*": False,
    "": False,
    "text/html": False,
    "event-stream": False,
}


@pytest.mark.parametrize("accept", ACCEPTED, ids=[text or "empty" for text in ACCEPTED])
def test_the_feed_is_given_to_those_who_accept_it_most(daybook, account, client, accept):
    sent = f"GET /events?limit=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    received = exchange(client.port, sent.encode(), until=lambda received: b"\r\n\r\n" in received)
    head = received.partition(b"\r\n\r\n")[0].decode().lower()
    assert head.startswith("http/1.1 200"), head
    media_type = "text/event-stream" if ACCEPTED[accept] else "application/json"
    assert f"content-type: {media_type}\r\n" in head + "\r\n", head
    assert "vary: accept\r\n" in head + "\r\n", head


@pytest.mark.parametrize("accept", ["text/html", "image/png, application/xml;q=0.9", "application/json;q=0", "nonsense"])
def test_whoever_accepts_nothing_that_there_is_gets_json(daybook, account, client, accept):
    answer = client.get(f"/accounts/{account}", headers={"Accept": accept})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    answer = daybook.gateway.post(account, DEPOSIT, headers={"Accept": accept})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")


# ---- amounts as strings


def test_amounts_come_as_strings_where_they_are_asked_for(daybook, account, client):
    opened = daybook.gateway.post(
        f"{account}-s", {"type": "OpenAccount", "owner": "Bob", "initial_balance": "0.10"}, headers=AMOUNTS_AS_STRINGS
    )
    assert (opened.status, opened.headers["Content-Type"]) == (201, "application/json;amounts=string")
    assert opened.json["balance"] == "0.10"
    deposited = daybook.gateway.post(f"{account}-s", DEPOSIT, headers=AMOUNTS_AS_STRINGS)
    assert (deposited.status, deposited.json["balance"]) == (200, "1.10")

    fresh = AMOUNTS_AS_STRINGS | {"Daybook-Min-Position": str(deposited.position)}
    answer = client.get(f"/accounts/{account}-s", headers=fresh)
    assert answer.json == deposited.json
    assert (answer.headers["Content-Type"], answer.headers["Vary"]) == ("application/json;amounts=string", "Accept")
    listed = client.get(f"/accounts?after={account}&limit=1", headers=fresh).json
    assert listed == [deposited.json]
    events = client.get(f"/accounts/{account}-s/events", headers=fresh).json
    assert [events[0]["initial_balance"], events[1]["amount"]] == ["0.10", "1.00"]
    told = client.get(f"/events?account={account}-s", headers=fresh).json
    assert [told[0]["initial_balance"], told[1]["amount"]] == ["0.10", "1.00"]
    # Without it, everything is as before.
    plain = client.get(f"/accounts/{account}-s")
    assert (plain.json["balance"], plain.headers["Content-Type"]) == (Decimal("1.10"), "application/json")
    assert plain.headers["Vary"] == "Accept"


def test_a_feed_tells_amounts_as_strings_where_they_are_asked_for(daybook, account, client):
    accept = "Accept: text/event-stream;amounts=string"
    sent = f"GET /events?account={account} HTTP/1.1\r\nHost: 127.0.0.1\r\n{accept}\r\n\r\n"
    received = exchange(client.port, sent.encode(), until=lambda received: b'"time"' in received)
    assert b'"initial_balance":"1000.00"' in received, received
    assert b"content-type: text/event-stream;amounts=string\r\n" in received.lower()


def test_refusals_tell_amounts_as_strings_where_they_are_asked_for_replays_too(daybook, account):
    key = {"Idempotency-Key": "refused"}
    withdrawal = {"type": "Withdraw", "amount": "1000.01"}
    for replayed in (None, "true", "true"):
        for headers, form in ((AMOUNTS_AS_STRINGS, str), ({}, Decimal)):
            answer = daybook.gateway.post(account, withdrawal, headers=key | headers)
            problem = assert_problem(answer, 400, "insufficient-funds")
            figures = [problem[name] for name in ("available", "requested", "shortfall")]
            assert figures == [form("1000.00"), form("1000.01"), form("0.01")]
            assert problem["currency"] == "USD"
        replayed = answer.headers["Idempotent-Replayed"]
        assert replayed == "true"


def test_many_commands_are_answered_with_amounts_as_strings_where_they_are_asked_for(daybook, account):
    lines = [{"account": account} | DEPOSIT, {"account": account, "type": "Withdraw", "amount": 5000}]
    answer = daybook.gateway.request(
        "POST", "/commands", "\n".join(map(json.dumps, lines)).encode(),
        {"Content-Type": "application/x-ndjson", "Accept": "application/x-ndjson;amounts=string"},
    )  # fmt: skip
    assert answer.headers["Content-Type"] == "application/x-ndjson;amounts=string"
    first, second = map(json.loads, answer.body.splitlines())
    assert first["account"]["balance"] == "1001.00"
    assert second["problem"]["shortfall"] == "3999.00"


def test_the_two_forms_of_amounts_have_tags_of_their_own(daybook, account, client):
    plain = client.get(f"/accounts/{account}")
    strings = client.get(f"/accounts/{account}", headers=AMOUNTS_AS_STRINGS)
    assert plain.headers["ETag"] == '"1"' != strings.headers["ETag"]
    for headers, status in [
        ({"If-None-Match": plain.headers["ETag"]}, 304),
        ({"If-None-Match": strings.headers["ETag"]}, 200),
        (AMOUNTS_AS_STRINGS | {"If-None-Match": strings.headers["ETag"]}, 304),
        (AMOUNTS_AS_STRINGS | {"If-None-Match": plain.headers["ETag"]}, 200),
    ]:
        answer = client.get(f"/accounts/{account}", headers=headers)
        assert (answer.status, answer.headers["Vary"]) == (status, "Accept"), headers
    # Either names the version to a command.
    answer = daybook.gateway.post(account, DEPOSIT, headers={"If-Match": strings.headers["ETag"]})
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')


# ---- entity tags

CONDITIONS = {
    '"1"': 200,
    '"9", "1"': 200,
    '"9","1"': 200,
    ', "1"': 200,
    '"9",, ,"1",': 200,
    '"a,b", "1"': 200,
    '"a,"1"': 400,
    '"1, "': 400,
    '"01"': 412,
    '"+1"': 412,
    '"1 "': 400,
    '" 1"': 400,
    '"1;amounts=number"': 412,
    '"18446744073709551617"': 412,
    'W/"1"': 412,
    'W/"1", "1"': 200,
    'w/"1"': 400,
    'W/ "1"': 400,
    '"1" "2"': 400,
    '"1': 400,
    '1"': 400,
    "": 400,
    ",": 400,
    '*, "1"': 400,
    '""': 412,
    '"é"': 412,
}


@pytest.mark.parametrize("tags", CONDITIONS, ids=[text or "empty" for text in CONDITIONS])
def test_a_command_is_obeyed_at_the_version_that_a_list_of_tags_names(daybook, account, tags):
    answer = daybook.gateway.post(account, DEPOSIT, headers={"If-Match": tags.encode("utf-8")})
    assert answer.status == CONDITIONS[tags], answer
    if answer.status == 400:
        assert_problem(answer, 400, "invalid-parameter")


def test_a_tag_is_compared_to_the_letter(daybook, account):
    for _ in range(9):
        assert daybook.gateway.deposit(account, 1).status == 200
    problem = assert_problem(
        refused(daybook, lambda: daybook.gateway.post(account, DEPOSIT, headers={"If-Match": '"010"'})),
        412, "version-mismatch",
    )  # fmt: skip
    assert problem["actual"] == 10
    assert daybook.gateway.post(account, DEPOSIT, headers={"If-Match": '"10"'}).status == 200


def test_a_query_is_answered_304_for_a_list_of_tags(daybook, account, client):
    for tags, status in {'"a,b", "1"': 304, ',W/"1",': 304, '"01"': 200, '"a,1"': 200, '"1" x': 400}.items():
        assert client.get(f"/accounts/{account}", headers={"If-None-Match": tags}).status == status, tags


def test_a_query_may_demand_a_version(daybook, account, client):
    for tags, status in {'"1"': 200, "*": 200, '"2"': 412, '"2", "1"': 200, 'W/"1"': 412, '"01"': 412, "1": 400}.items():
        answer = client.get(f"/accounts/{account}", headers={"If-Match": tags})
        assert answer.status == status, (tags, answer)
        if status == 412:
            assert assert_problem(answer, 412, "version-mismatch")["actual"] == 1
            assert answer.position >= 1


@pytest.mark.parametrize("field", ["Idempotency-Key", "If-Match", "If-None-Match"])
def test_what_is_said_of_single_commands_is_refused_with_many(daybook, account, field):
    line = json.dumps({"account": account} | DEPOSIT).encode()
    headers = {"Content-Type": "application/x-ndjson", field: '"1"'}
    answer = refused(daybook, lambda: daybook.gateway.request("POST", "/commands", line, headers))
    assert field in assert_problem(answer, 400, "invalid-parameter")["detail"]


# ---- bodies


@pytest.mark.parametrize("path", ["/accounts/{}", "/commands"])
@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "x-nonsense"])
def test_a_coded_body_is_refused(daybook, account, path, coding):
    body = gzip.compress(json.dumps({"account": account} | DEPOSIT).encode())
    headers = {"Content-Encoding": coding}
    headers["Content-Type"] = "application/x-ndjson" if path == "/commands" else "application/json"
    # Also a body that is not coded at all must not be taken for what it is not said to be.
    for sent in (body, json.dumps(DEPOSIT).encode()):
        answer = refused(daybook, lambda: daybook.gateway.request("POST", path.format(account), sent, headers))
        assert_problem(answer, 415, "unsupported-media-type")
        assert answer.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_a_body_that_is_not_coded_is_taken(daybook, account, coding):
    assert daybook.gateway.post(account, DEPOSIT, headers={"Content-Encoding": coding}).status == 200


@pytest.mark.parametrize("charset", ["latin1", "utf-16", "ISO-8859-1", '"us-ascii"', "utf-8;charset=latin1"])
def test_another_charset_is_refused(daybook, account, charset):
    body = '{"type":"OpenAccount","owner":"José","initial_balance":1}'.encode("latin1")
    for path, media_type in ((f"/accounts/{account}-c", "application/json"), ("/commands", "application/x-ndjson")):
        headers = {"Content-Type": f"{media_type};charset={charset}"}
        answer = refused(daybook, lambda: daybook.gateway.request("POST", path, body, headers))
        assert_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("parameters", [';charset="UTF-8"', "; charset=utf-8", ";", ";Charset=Utf-8", ";v=1"])
def test_utf_8_by_whatever_spelling_is_taken(daybook, account, parameters):
    answer = daybook.gateway.post(account, DEPOSIT, headers={"Content-Type": f"application/json{parameters}"})
    assert answer.status == 200, answer


# ---- query parameters


def test_a_parameter_that_is_unknown_is_refused_with_every_method(daybook, account):
    json_body = {"Content-Type": "application/json"}
    lines = {"Content-Type": "application/x-ndjson"}
    body = json.dumps({"account": account} | DEPOSIT).encode()
    for client, method, path, headers in [
        (daybook.gateway, "POST", f"/accounts/{account}", json_body),
        (daybook.gateway, "POST", "/commands", lines),
        (daybook.queries, "POST", "/projections/accounts/rebuild", {}),
        (daybook.queries, "GET", "/projections", {}),
        *[
            (client, "GET", path, {})
            for client in (daybook.gateway, daybook.queries)
            for path in ("/accounts", f"/accounts/{account}", f"/accounts/{account}/events", "/events", "/openapi.json")
        ],
        *[(service.client, "GET", "/problems", {}) for service in daybook.services],
    ]:
        for query in ("dry_run=true", "dry_run", "wait=1s&dry_run=", "%64ry_run=1"):
            if query.startswith("wait") and not path.startswith(("/accounts", "/events")):
                continue
            answer = refused(daybook, lambda: client.request(method, f"{path}?{query}", body, headers))
            problem = assert_problem(answer, 400, "invalid-parameter")
            assert "dry_run" in problem["detail"] or "wait" in problem["detail"], (method, path, problem)


def test_health_passes_parameters_over(daybook):
    for service in daybook.services:
        for path in ("/livez", "/readyz", "/metrics"):
            assert service.client.get(f"{path}?_=17").status == 200


# ---- ids


@pytest.mark.parametrize("name", [".", "..", "%2E", "%2e%2E", ".%2e"])
def test_ids_that_no_url_reaches_are_refused(daybook, account, client, name):
    opening = {"type": "OpenAccount", "owner": "A", "initial_balance": 1}
    assert_problem(refused(daybook, lambda: daybook.gateway.post(name, opening)), 400, "invalid-account-id")
    for path in (f"/accounts/{name}", f"/accounts/{name}/events", f"/events?account={name}"):
        assert_problem(client.get(path), 400, "invalid-account-id")


def test_ids_that_no_url_reaches_are_refused_in_lines_of_many_commands(daybook):
    lines = [{"account": name, "type": "OpenAccount", "owner": "A", "initial_balance": 1} for name in (".", "..")]
    answer = refused(daybook, lambda: daybook.gateway.request(
        "POST", "/commands", "\n".join(map(json.dumps, lines)).encode(), {"Content-Type": "application/x-ndjson"}
    ))  # fmt: skip
    for line in map(json.loads, answer.body.splitlines()):
        assert (line["status"], line["problem"]["type"]) == (400, "/problems/invalid-account-id")


@pytest.mark.parametrize("name", [".", ".."])
def test_ids_that_no_url_reaches_are_not_imported(daybook, name):
    line = json.dumps({"account": name, "type": "AccountOpened", "owner": "A", "initial_balance": 1.0})
    result = refused(daybook, lambda: Tool(daybook).run("import", "-", input=line + "\n"))
    assert result.returncode == 65 and "line 1: " in result.stderr, result


@pytest.mark.parametrize("name", ["...", ".a", "a.", "..a", "-", "~"])
def test_other_ids_with_dots_are_reached(daybook, name):
    daybook.gateway.open(name, 5)
    assert daybook.gateway.account(name)["balance"] == 5


# ---- what every answer about accounts says of the log


def log_id(daybook):
    return re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", daybook.event_log.client.get("/readyz").body.decode())[0]


def test_every_answer_to_a_command_tells_the_log_and_its_position(daybook, account):
    head = daybook.event_log.figures()["position"]
    opening = {"type": "OpenAccount", "owner": "A", "initial_balance": 1}
    keyed = {"Idempotency-Key": "k"}
    for status, body, target, headers in [
        (400, {"type": "Withdraw", "amount": 5000}, account, {}),
        (400, {"type": "Withdraw", "amount": 5000}, account, keyed),
        (400, {"type": "Withdraw", "amount": 5000}, account, keyed),
        (404, DEPOSIT, "s-nobody", {}),
        (409, opening, account, {}),
        (412, DEPOSIT, account, {"If-Match": '"7"'}),
        (412, opening, account, {"If-None-Match": "*"}),
        (422, DEPOSIT, account, keyed),
    ]:
        answer = daybook.gateway.post(target, body, headers=headers)
        assert answer.status == status, answer
        assert answer.position == head, answer
        assert answer.headers["Daybook-Log-Id"] == log_id(daybook)
    answer = daybook.gateway.post(account, DEPOSIT)
    assert (answer.status, answer.position) == (200, head + 1)
    assert answer.headers["Daybook-Log-Id"] == log_id(daybook)


def test_a_refusal_by_a_gateway_that_just_started_tells_the_position_of_the_account_as_it_saw_it(start_daybook):
    daybook = start_daybook()
    for number in range(5):
        daybook.gateway.open(f"a-{number}", 1)
    assert daybook.command.stop() == 0
    daybook.command.start(wait=False)
    wait_until(lambda: daybook.command.health("/livez") == 200, "the gateway answers", START_DEADLINE)

    def refusal():
        answer = daybook.gateway.withdraw("a-4", 2)
        return answer if answer.status == 400 else None

    answer = wait_until(refusal, "the gateway reaches the log", START_DEADLINE)
    assert answer.position == 5
    assert answer.headers["Daybook-Log-Id"] == log_id(daybook)


def test_lines_of_many_commands_tell_the_log_and_its_position_refused_ones_too(daybook, account):
    lines = [
        {"account": account, "type": "Withdraw", "amount": 5000},
        {"account": account, "type": "Withdraw", "amount": 5000, "idempotency_key": "b"},
        {"account": account, "type": "Withdraw", "amount": 5000, "idempotency_key": "b"},
        {"account": account, "type": "Deposit", "amount": 1, "if_match": 7},
        {"account": account, "type": "Deposit", "amount": 1},
    ]
    head = daybook.event_log.figures()["position"]
    for line in lines:
        answer = daybook.gateway.request(
            "POST", "/commands", json.dumps(line).encode(), {"Content-Type": "application/x-ndjson"}
        )
        assert answer.headers["Daybook-Log-Id"] == log_id(daybook)
        told = json.loads(answer.body)
        assert told["position"] == head + (1 if told["status"] == 200 else 0), told


# ---- readiness


def test_a_gateway_without_its_query_service_says_what_is_missing(start_daybook):
    daybook = start_daybook(start=False)
    daybook.event_log.start()
    daybook.command.start(wait=False)
    wait_until(lambda: daybook.command.health("/readyz") == 503, "the gateway answers", START_DEADLINE)
    missing = f"the query service cannot be reached at 127.0.0.1:{daybook.query.port}"
    wait_until(
        lambda: daybook.gateway.get("/readyz").json["missing"] == [missing], "only queries are missing", START_DEADLINE
    )
    assert b"\ndaybook_command_query_service_reachable 0\n" in daybook.gateway.get("/metrics").body
    # Commands are obeyed all the same.
    daybook.gateway.open("alone", 1)
    daybook.query.start()
    daybook.command.wait_until_ready()
    assert daybook.gateway.account("alone")["balance"] == 1

    daybook.query.freeze()
    wait_until(lambda: daybook.command.health("/readyz") == 503, "a frozen one is noticed")
    daybook.query.thaw()
    daybook.command.wait_until_ready()


def test_a_short_restart_of_the_query_service_changes_nothing_in_the_readiness_of_the_gateway(daybook):
    daybook.command.wait_until_ready()
    begun = time.monotonic()
    assert daybook.query.stop() == 0
    daybook.query.start(wait=False)
    statuses = set()
    while daybook.query.health("/livez") != 200:
        statuses.add(daybook.command.health("/readyz"))
    # On a machine that is very busy it is no short one.
    if time.monotonic() - begun < 2.5:
        assert statuses <= {200}
    daybook.query.wait_until_ready()
    daybook.command.wait_until_ready()


# ---- explanations of problems


def test_every_problem_is_explained_to_people_and_programs(daybook):
    for service in daybook.services:
        kinds = service.client.get("/problems", headers={"Accept": "application/json"}).json
        for kind in kinds:
            explained = service.client.get(kind["type"], headers={"Accept": "application/json"})
            assert (explained.status, explained.json) == (200, kind)
            assert all(kind[name] for name in ("title", "status", "meaning", "remedy"))
            for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "text/plain", "*/*"):
                answer = service.client.get(kind["type"], headers={"Accept": accept})
                assert (answer.status, answer.headers["Vary"]) == (200, "Accept")
                assert answer.headers["Content-Type"] == "text/plain;charset=utf-8"
                assert kind["meaning"] in answer.body.decode()
        names = {kind["type"].removeprefix("/problems/"): kind["title"] for kind in kinds}
        assert {"not-found", "method-not-allowed", "internal-error", "invalid-parameter"} <= set(names)
        if service is not daybook.event_log:
            assert TITLES.items() <= names.items()
        assert_problem(service.client.get("/problems/no-such"), 404, "not-found")
        assert_problem(service.client.request("DELETE", "/problems/not-found"), 405, "method-not-allowed")


def test_a_problem_leads_to_its_explanation(daybook, account):
    for answer in (daybook.gateway.withdraw(account, 5000), daybook.queries.get("/accounts/s-nobody")):
        kind = daybook.gateway.get(answer.json["type"], headers={"Accept": "application/json"}).json
        assert (kind["title"], kind["status"]) == (answer.json["title"], answer.status)
    kind = daybook.gateway.get("/problems/insufficient-funds", headers={"Accept": "application/json"}).json
    assert set(kind["members"]) == {"available", "requested", "shortfall", "currency", "account"}


def test_every_problem_in_the_sources_is_explained(daybook):
    sources = Path(__file__).parents[2] / "Sources"
    kinds = {
        kind["type"].removeprefix("/problems/"): kind["title"]
        for kind in daybook.gateway.get("/problems", headers={"Accept": "application/json"}).json
    }
    found = dict(
        pair
        for file in sources.rglob("*.swift")
        for pair in re.findall(r'"([a-z-]+)", title: "([^"]+)"', file.read_text())
    )
    assert "insufficient-funds" in found
    assert found.items() <= kinds.items(), found.items() - kinds.items()


# ---- the feed's last event


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_last_event_id_that_is_none_is_refused_also_where_no_feed_is_asked_for(client, accept):
    answer = client.get("/events", headers={"Last-Event-ID": "-1", "Accept": accept})
    assert_problem(answer, 400, "invalid-parameter")

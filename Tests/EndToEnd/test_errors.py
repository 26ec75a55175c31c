"""Every error of the contract's table, through real HTTP; and the ways of HTTP itself."""

import itertools
import json
import re
import socket
import time
from decimal import Decimal

import pytest

from client import connect, exchange, responses
from problems import assert_problem
from services import wait_until
from timing import within

# 15 significant digits: the largest amount of each currency, and the next one.
BOUNDS = {
    "USD": ("9999999999999.99", "10000000000000.00"),
    "JPY": ("999999999999999", "1000000000000000"),
    "KWD": ("999999999999.999", "1000000000000.000"),
}

_numbers = itertools.count(1)


@pytest.fixture
def account(daybook, request):
    """An account of the test's own with 1000.00 USD."""
    name = f"t-{next(_numbers)}-" + re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:60]
    daybook.gateway.open(name, "1000.00")
    return name


@pytest.fixture
def nothing_recorded(daybook, request):
    """A test that asks for this may only make requests that are refused: none of them may leave a trace in the log."""
    if "account" in request.fixturenames:
        request.getfixturevalue("account")
    before = daybook.event_log.figures()["position"]
    yield
    assert daybook.event_log.figures()["position"] == before, "a refused request was recorded"


def deposit(text):
    return '{"type":"Deposit","amount":%s}' % text


def opening(balance="0", owner='"Alice"', **fields):
    members = "".join(f',"{name}":{text}' for name, text in fields.items())
    return '{"type":"OpenAccount","owner":%s,"initial_balance":%s%s}' % (owner, balance, members)


# ---- malformed JSON

BROKEN = {
    "empty": b"",
    "white space": b" \r\n\t",
    "open object": b"{",
    "open name": b'{"type',
    "no colon": b'{"type" "Deposit"}',
    "no value": b'{"type":}',
    "comma at the end": b'{"type":"Deposit","amount":1,}',
    "two commas": b'{"type":"Deposit",,"amount":1}',
    "two documents": deposit("1").encode() * 2,
    "text after the document": deposit("1").encode() + b" x",
    "single quotes": b"{'type':'Deposit','amount':1}",
    "name without quotes": b'{type:"Deposit","amount":1}',
    "comment": b'{"type":"Deposit",/* one */"amount":1}',
    "byte order mark": b"\xef\xbb\xbf" + deposit("1").encode(),
    "UTF-16": deposit("1").encode("utf-16"),
    "not UTF-8": b'{"type":"OpenAccount","owner":"\xff","initial_balance":1}',
    "cut UTF-8": b'{"type":"OpenAccount","owner":"\xe2\x82","initial_balance":1}',
    "overlong UTF-8": b'{"type":"OpenAccount","owner":"\xc0\xaf","initial_balance":1}',
    "surrogate in UTF-8": b'{"type":"OpenAccount","owner":"\xed\xa0\x80","initial_balance":1}',
    "half a surrogate pair": b'{"type":"OpenAccount","owner":"\\ud83d","initial_balance":1}',
    "unknown escape": b'{"type":"OpenAccount","owner":"\\x41","initial_balance":1}',
    "short escape": b'{"type":"OpenAccount","owner":"\\u12","initial_balance":1}',
    "raw line feed in a string": b'{"type":"OpenAccount","owner":"A\nB","initial_balance":1}',
    "raw NUL in a string": b'{"type":"OpenAccount","owner":"A\0B","initial_balance":1}',
    "NUL after the document": deposit("1").encode() + b"\0",
    "capital True": b'{"type":"Deposit","amount":True}',
    "NaN": deposit("NaN").encode(),
    "Infinity": deposit("Infinity").encode(),
    "-Infinity": deposit("-Infinity").encode(),
    "hexadecimal": deposit("0x1F4").encode(),
    "plus sign": deposit("+5").encode(),
    "leading zero": deposit("05").encode(),
    "point at the end": deposit("5.").encode(),
    "point at the beginning": deposit(".5").encode(),
    "exponent without digits": deposit("5e").encode(),
    "two points": deposit("5.0.0").encode(),
    "two minus signs": deposit("--5").encode(),
    "thousands": deposit("1,000").encode(),
    "underscore": deposit("1_000").encode(),
    "random": bytes(range(256)),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_broken_json(daybook, account, nothing_recorded, body):
    assert_problem(daybook.gateway.post(account, body), 400, "malformed-json")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 50_000,
        # As deep as 64 KiB allow. Deeper bodies are too large, and are answered as such.
        b'{"a":' * 13_000,
        deposit("[" * 30_000 + "]" * 30_000).encode(),
        opening(note='{"a":' * 200 + "1" + "}" * 200).encode(),
    ],
    ids=["open arrays", "open objects", "closed arrays", "closed objects"],
)
def test_json_that_is_nested_too_deep(daybook, account, nothing_recorded, body):
    assert_problem(daybook.gateway.post(account, body), 400, "malformed-json")


def test_nesting_of_a_hundred_thousand(daybook, account, nothing_recorded):
    answer = daybook.gateway.post(account, b"[" * 100_000)
    assert_problem(answer, 413, "payload-too-large")


# ---- invalid commands: each with the members that the problem must point at

INVALID = {
    "array": ("[]", [""]),
    "string": ('"Deposit"', [""]),
    "number": ("5", [""]),
    "null": ("null", [""]),
    "true": ("true", [""]),
    "no members": ("{}", ["/type"]),
    "no type": ('{"amount":1}', ["/type"]),
    "unknown type": ('{"type":"CloseAccount"}', ["/type"]),
    "type in small letters": ('{"type":"deposit","amount":1}', ["/type"]),
    "type with a blank": ('{"type":"Deposit ","amount":1}', ["/type"]),
    "type is a number": ('{"type":1,"amount":1}', ["/type"]),
    "type is null": ('{"type":null,"amount":1}', ["/type"]),
    "name in capitals": ('{"type":"Deposit","Amount":1}', ["/Amount", "/amount"]),
    "no amount": ('{"type":"Deposit"}', ["/amount"]),
    "no amount to withdraw": ('{"type":"Withdraw"}', ["/amount"]),
    "amount is null": (deposit("null"), ["/amount"]),
    "amount is true": (deposit("true"), ["/amount"]),
    "amount is an array": (deposit("[5]"), ["/amount"]),
    "amount is an object": (deposit('{"value":5}'), ["/amount"]),
    "amount twice": ('{"type":"Deposit","amount":1,"amount":1}', ["/amount"]),
    "amount twice, once escaped": ('{"type":"Deposit","amount":1,"\\u0061mount":2}', ["/amount"]),
    "type twice": ('{"type":"Deposit","type":"Deposit","amount":1}', ["/type"]),
    "owner twice": ('{"type":"OpenAccount","owner":"A","owner":"A","initial_balance":1}', ["/owner"]),
    "field of another command": ('{"type":"Deposit","amount":1,"owner":"Alice"}', ["/owner"]),
    "currency of a deposit": ('{"type":"Deposit","amount":1,"currency":"USD"}', ["/currency"]),
    "unknown field": ('{"type":"Deposit","amount":1,"note":"x"}', ["/note"]),
    "unknown field with a slash and a tilde": ('{"type":"Deposit","amount":1,"a/b~c":1}', ["/a~1b~0c"]),
    "unknown field without a name": ('{"type":"Deposit","amount":1,"":1}', ["/"]),
    "misspelt balance": (
        '{"type":"OpenAccount","owner":"Alice","initial_balence":1}',
        ["/initial_balence", "/initial_balance"],
    ),
    "no owner": ('{"type":"OpenAccount","initial_balance":1}', ["/owner"]),
    "no balance": ('{"type":"OpenAccount","owner":"Alice"}', ["/initial_balance"]),
    "owner is empty": (opening(owner='""'), ["/owner"]),
    "owner of 257 characters": (opening(owner='"%s"' % ("é" * 257)), ["/owner"]),
    "owner is a number": (opening(owner="5"), ["/owner"]),
    "owner is null": (opening(owner="null"), ["/owner"]),
    "balance below zero": (opening("-0.01"), ["/initial_balance"]),
    "balance too precise": (opening("0.001"), ["/initial_balance"]),
    "yen with a fraction": (opening("0.5", currency='"JPY"'), ["/initial_balance"]),
    "dinar with four digits": (opening("0.0005", currency='"KWD"'), ["/initial_balance"]),
    "unknown currency": (opening(currency='"XYZ"'), ["/currency"]),
    "currency in small letters": (opening(currency='"usd"'), ["/currency"]),
    "currency with a Kelvin sign": (opening(currency='"\u212aWD"'), ["/currency"]),
    "currency is empty": (opening(currency='""'), ["/currency"]),
    "currency is null": (opening(currency="null"), ["/currency"]),
    "gold is no currency with minor units": (opening(currency='"XAU"'), ["/currency"]),
    "everything at once": (
        '{"type":"OpenAccount","owner":"","initial_balance":-1,"currency":"?","amount":1}',
        ["/amount", "/owner", "/currency", "/initial_balance"],
    ),
}


@pytest.mark.parametrize("body, pointers", INVALID.values(), ids=INVALID.keys())
def test_invalid_commands(daybook, account, nothing_recorded, body, pointers):
    # Openings go to an account that is not there, where nothing but the command itself can be at fault.
    target = "t-invalid" if "OpenAccount" in body else account
    problem = assert_problem(daybook.gateway.post(target, body), 400, "invalid-command")
    assert sorted(error["pointer"] for error in problem["errors"]) == sorted(pointers), problem
    assert all(isinstance(error["detail"], str) and error["detail"] for error in problem["errors"])


REFUSED_AMOUNTS = {
    # Zero and below.
    "0": "0", "0.00": "0.00", "-0": "-0", "0e5": "0e5", "-1": "-1", "-0.01": "-0.01", '"-5"': '"-5"', '"0"': '"0"',
    # More fractional digits than the currency has.
    "0.001": "0.001", "1.005": "1.005", "5e-3": "5e-3", '"0.001"': '"0.001"', "1e-400": "1e-400",
    "0.00...01": "0." + "0" * 500 + "1", "1e-99999999999999999999": "1e-99999999999999999999",
    # Strings hold the same notation as numbers.
    '""': '""', '" 5"': '" 5"', '"5 "': '"5 "', '"+5"': '"+5"', '"05"': '"05"', '"5."': '"5."', '".5"': '".5"',
    '"5e"': '"5e"', '"NaN"': '"NaN"', '"Infinity"': '"Infinity"', '"inf"': '"inf"', '"0x1F4"': '"0x1F4"',
    '"1,000.00"': '"1,000.00"', '"1_000"': '"1_000"', '"$5"': '"$5"', '"5 USD"': '"5 USD"', '"five"': '"five"',
    '"5\\u0000"': '"5\\u0000"', '"５"': '"５"', '"٥"': '"٥"', '"½"': '"½"', '"--5"': '"--5"',
    '"5.0.0"': '"5.0.0"',
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED_AMOUNTS.values(), ids=REFUSED_AMOUNTS.keys())
@pytest.mark.parametrize("command", ["Deposit", "Withdraw"])
def test_refused_amounts(daybook, account, nothing_recorded, text, command):
    answer = daybook.gateway.post(account, '{"type":"%s","amount":%s}' % (command, text))
    assert_problem(answer, 400, "invalid-command", ["/amount"])


@pytest.mark.parametrize(
    "text",
    ["500", "500.0", "5e2", "5E2", "5e+2", "0.5e3", "50000e-2", "500.000000000", "500.00e0", "5" + "0" * 100 + "e-98"]
    + ['"500"', '"500.0"', '"500.00"', '"5e2"', '"50000e-2"', '"500.000000000"', '"\\u0035e2"'],
)
def test_accepted_forms_of_one_amount(daybook, account, text):
    answer = daybook.gateway.post(account, deposit(text))
    assert answer.status == 200, answer
    assert b'"balance":1500.00,' in answer.body
    answer = daybook.gateway.post(account, '{"type":"Withdraw","amount":%s}' % text)
    assert b'"balance":1000.00,' in answer.body
    daybook.wait_until_caught_up()
    body = daybook.queries.get(f"/accounts/{account}/events").body
    assert body.count(b'"amount":500.00,') == 2, body


@pytest.mark.parametrize("currency", BOUNDS)
def test_the_bound_of_15_digits_is_exact(daybook, currency):
    largest, beyond = BOUNDS[currency]
    smallest = Decimal(beyond) - Decimal(largest)
    name = f"t-bound-{currency}"
    answer = daybook.gateway.open(name, largest, currency=currency)
    assert f'"balance":{largest},'.encode() in answer.body

    before = daybook.event_log.figures()["position"]
    for text in (beyond, f'"{beyond}"', "1e15", "1e400", '"1e400"', "1e99999999999999999999", "9" * 400):
        refused = daybook.gateway.post(f"t-beyond-{currency}", opening(text, currency=f'"{currency}"'))
        assert_problem(refused, 400, "amount-out-of-range", ["/initial_balance"])
        for command in ("Deposit", "Withdraw"):
            refused = daybook.gateway.post(name, '{"type":"%s","amount":%s}' % (command, text))
            assert_problem(refused, 400, "amount-out-of-range", ["/amount"])
    # The amount is small, but the balance would be beyond.
    assert_problem(daybook.gateway.deposit(name, smallest), 400, "amount-out-of-range", ["/amount"])
    assert daybook.event_log.figures()["position"] == before, "an amount out of range was recorded"

    assert daybook.gateway.withdraw(name, smallest).status == 200
    answer = daybook.gateway.deposit(name, smallest)
    assert f'"balance":{largest},'.encode() in answer.body
    assert daybook.gateway.withdraw(name, largest).json["balance"] == 0
    answer = daybook.gateway.deposit(name, largest)
    assert f'"balance":{largest},'.encode() in answer.body


def test_an_opening_with_zero_and_with_the_longest_owner(daybook):
    # One character of four bytes each: the bound counts characters.
    answer = daybook.gateway.open("t-longest-owner", 0, owner="🏦" * 256)
    assert answer.json["owner"] == "🏦" * 256
    assert answer.json["balance"] == 0


# ---- account ids


LONGEST_ID = "Az09._~-" * 16
INVALID_IDS = {
    "129 characters": LONGEST_ID + "x",
    "4000 characters": "x" * 4000,
    "blank": "a%20b",
    "plus": "a+b",
    "colon": "a:b",
    "at": "a@b",
    "asterisk": "a*b",
    "slash": "a%2Fb",
    "backslash": "a%5Cb",
    "percent": "a%25b",
    "encoded twice": "%2561cc",
    "NUL": "a%00b",
    "line feed": "a%0Ab",
    "umlaut": "%C3%A4",
    "full-width letter": "%EF%BD%81",
    "not UTF-8": "%FF",
    "no hexadecimal digits": "a%zz",
    "cut percent": "a%4",
    "percent alone": "%",
    "hash": "a%23b",
    "question mark": "a%3Fb",
    "raw quotes": 'a"b',
    "raw brackets": "a[b]",
}


@pytest.mark.parametrize("text", INVALID_IDS.values(), ids=INVALID_IDS.keys())
def test_ids_outside_the_alphabet(daybook, nothing_recorded, text):
    assert_problem(daybook.gateway.post(text, opening()), 400, "invalid-account-id")
    for client in (daybook.gateway, daybook.queries):
        assert_problem(client.get(f"/accounts/{text}"), 400, "invalid-account-id")
        assert_problem(client.get(f"/accounts/{text}/events"), 400, "invalid-account-id")


def test_an_id_may_have_128_characters(daybook):
    assert len(LONGEST_ID) == 128
    assert daybook.gateway.open(LONGEST_ID, 1).headers["Location"] == f"/accounts/{LONGEST_ID}"
    assert daybook.gateway.account(LONGEST_ID)["id"] == LONGEST_ID


@pytest.mark.parametrize("name", ["...", "~", "-", "_", "a.b", "events", "accounts"])
def test_ids_that_look_like_something_else(daybook, name):
    daybook.gateway.open(name, 5)
    daybook.gateway.deposit(name, 1)
    assert daybook.gateway.account(name)["balance"] == 6
    assert len(daybook.gateway.events(name)) == 2


def test_a_percent_encoded_id_means_the_same_account(daybook):
    assert daybook.gateway.open("%74-%65ncoded%2D%7e", 5).json["id"] == "t-encoded-~"
    assert daybook.gateway.deposit("t-encoded-~", 1).json["balance"] == 6
    for text in ("t-encoded-~", "t-encoded-%7E", "%74%2Dencoded-%7e", "".join(f"%{ord(c):02x}" for c in "t-encoded-~")):
        for client in (daybook.gateway, daybook.queries):
            assert client.account(text) == daybook.gateway.account("t-encoded-~")
        assert len(daybook.gateway.events(text)) == 2
    assert_problem(daybook.gateway.post("%74-encoded-~", opening()), 409, "account-already-open")


# ---- the account's own refusals


def test_an_account_that_is_not_there(daybook, nothing_recorded):
    for answer in (
        daybook.gateway.deposit("t-nobody", 1),
        daybook.gateway.withdraw("t-nobody", 1),
        daybook.gateway.get("/accounts/t-nobody"),
        daybook.gateway.get("/accounts/t-nobody/events"),
        daybook.queries.get("/accounts/t-nobody"),
        daybook.queries.get("/accounts/t-nobody/events?after_version=5"),
    ):
        assert "t-nobody" in assert_problem(answer, 404, "account-not-found")["detail"]


def test_an_account_that_is_open_already(daybook, account, nothing_recorded):
    for body in (opening("1000.00"), opening("5"), opening("5", currency='"JPY"')):
        assert_problem(daybook.gateway.post(account, body), 409, "account-already-open")


def test_insufficient_funds(daybook, account, nothing_recorded):
    problem = assert_problem(daybook.gateway.withdraw(account, "1000.01"), 400, "insufficient-funds")
    figures = {name: problem[name] for name in ("available", "requested", "shortfall", "currency")}
    assert figures == {
        "available": Decimal("1000.00"), "requested": Decimal("1000.01"), "shortfall": Decimal("0.01"),
        "currency": "USD",
    }  # fmt: skip


# ---- bodies and media types

LIMIT = 64 << 10


def padded(length):
    """A deposit of one cent that is so many bytes long."""
    body = deposit('"0.01"')
    return (body[:-1] + " " * (length - len(body)) + "}").encode()


def chunked(body, size=1000):
    return (body[at : at + size] for at in range(0, len(body), size))


@pytest.mark.parametrize("framing", ["Content-Length", "chunked"])
def test_a_body_of_64_kib(daybook, account, framing):
    body = padded(LIMIT)
    answer = daybook.gateway.post(account, chunked(body) if framing == "chunked" else body)
    assert answer.status == 200, answer
    assert answer.json["version"] == 2


@pytest.mark.parametrize("framing", ["Content-Length", "chunked"])
@pytest.mark.parametrize("length", [LIMIT + 1, 2 * LIMIT, 5_000_000])
def test_a_longer_body(daybook, account, nothing_recorded, framing, length):
    head = (
        f"POST /accounts/{account} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + (f"Content-Length: {length}\r\n" if framing == "Content-Length" else "Transfer-Encoding: chunked\r\n")
        + "\r\n"
    ).encode()
    body = padded(length)
    if framing == "chunked":
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in chunked(body)) + b"0\r\n\r\n"
    received = exchange(daybook.command.port, head + body, until=lambda received: received.endswith(b"}"))
    (answer,) = responses(received)
    assert_problem(answer, 413, "payload-too-large")


def test_a_body_that_is_announced_too_long_is_refused_before_it_is_sent(daybook, account, nothing_recorded):
    head = (
        f"POST /accounts/{account} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000000000000\r\n\r\n"
    ).encode()
    (answer,) = responses(exchange(daybook.command.port, head, until=lambda received: received.endswith(b"}")))
    assert_problem(answer, 413, "payload-too-large")


@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", "application/json5",
     "application/x-ndjson", "application/problem+json", "multipart/form-data; boundary=x"],
)  # fmt: skip
def test_another_media_type(daybook, account, nothing_recorded, media_type):
    headers = {} if media_type is None else {"Content-Type": media_type}
    answer = daybook.gateway.request("POST", f"/accounts/{account}", deposit("1").encode(), headers)
    assert_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8",
     "application/json ;v=1"],
)  # fmt: skip
def test_forms_of_the_media_type(daybook, account, media_type):
    answer = daybook.gateway.post(account, deposit("1"), headers={"Content-Type": media_type})
    assert answer.status == 200, answer


# ---- paths and methods


@pytest.mark.parametrize(
    "path",
    ["/", "/account", "/Accounts/a", "/accounts/a/b", "/accounts/a/events/1", "/accounts/a/Events", "/livez/x",
     "/readyz2", "//accounts/a", "/accounts//events", "/%61ccounts/a/b", "/favicon.ico", "/.env", "/a/../livez/x"],
)  # fmt: skip
def test_unknown_paths(daybook, nothing_recorded, path):
    for service in daybook.services:
        assert_problem(service.client.get(path), 404, "not-found")
    assert_problem(daybook.gateway.request("POST", path, b"{}", {"Content-Type": "application/json"}), 404, "not-found")


def test_the_event_log_answers_operations_only(daybook):
    for path in ("/accounts", "/accounts/a", "/accounts/a/events"):
        assert_problem(daybook.event_log.client.get(path), 404, "not-found")


METHODS = ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]


def test_a_target_with_a_fragment_is_malformed(daybook, nothing_recorded):
    # RFC 9112, section 3.2: a target has none.
    answer = daybook.gateway.request("POST", "/accounts/a#b", b"{}", {"Content-Type": "application/json"})
    assert_problem(answer, 400, "malformed-request")


def test_a_method_that_nobody_knows_is_refused_before_it_reaches_a_route(daybook, account, nothing_recorded):
    # The HTTP parser takes registered methods only (RFC 9110, 16.1) and ends the connection at any other.
    answer = daybook.gateway.request("FROBNICATE", f"/accounts/{account}", b"{}")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("method", METHODS)
def test_wrong_methods(daybook, account, nothing_recorded, method):
    def allowed(client, path):
        answer = client.request(method, path, b"{}", {"Content-Type": "application/json"})
        assert_problem(answer, 405, "method-not-allowed")
        return {name.strip() for name in answer.headers["Allow"].split(",")}

    assert allowed(daybook.gateway, f"/accounts/{account}") == {"GET", "HEAD", "POST"}
    for client, path in [
        (daybook.gateway, "/accounts"),
        (daybook.gateway, f"/accounts/{account}/events"),
        (daybook.queries, "/accounts"),
        (daybook.queries, f"/accounts/{account}"),
        (daybook.queries, f"/accounts/{account}/events"),
    ] + [(service.client, path) for service in daybook.services for path in ("/livez", "/readyz")]:
        assert allowed(client, path) == {"GET", "HEAD"}, path


def test_commands_are_sent_to_the_gateway_and_to_single_accounts(daybook, account, nothing_recorded):
    for client, path in [
        (daybook.queries, f"/accounts/{account}"),
        (daybook.gateway, "/accounts"),
        (daybook.gateway, f"/accounts/{account}/events"),
        (daybook.gateway, "/readyz"),
    ]:
        answer = client.request("POST", path, deposit("1").encode(), {"Content-Type": "application/json"})
        assert_problem(answer, 405, "method-not-allowed")


# ---- query parameters

WRONG_PARAMETERS = [
    ("/accounts?limit=0", "limit"),
    ("/accounts?limit=1001", "limit"),
    ("/accounts?limit=abc", "limit"),
    ("/accounts?limit=", "limit"),
    ("/accounts?limit", "limit"),
    ("/accounts?limit=-1", "limit"),
    ("/accounts?limit=%2B5", "limit"),
    ("/accounts?limit=5.0", "limit"),
    ("/accounts?limit=99999999999999999999", "limit"),
    ("/accounts?limit=5&limit=5", "limit"),
    ("/accounts?lmit=5", "lmit"),
    ("/accounts?after_version=1", "after_version"),
    ("/accounts/{}?limit=5", "limit"),
    ("/accounts/{}?colour=red", "colour"),
    ("/accounts/{}/events?limit=0", "limit"),
    ("/accounts/{}/events?limit=10001", "limit"),
    ("/accounts/{}/events?after_version=-1", "after_version"),
    ("/accounts/{}/events?after_version=abc", "after_version"),
    ("/accounts/{}/events?after_version=18446744073709551616", "after_version"),
    ("/accounts/{}/events?after=1", "after"),
    ("/accounts/{}?min_position=-1", "min_position"),
    ("/accounts/{}?min_position=abc", "min_position"),
    ("/accounts/{}?min_position=1&min_position=1", "min_position"),
    ("/accounts?min_position=99999999999999999999", "min_position"),
    ("/accounts/{}?wait=banana", "wait"),
    ("/accounts/{}?wait=", "wait"),
    ("/accounts/{}?wait=5", "wait"),
    ("/accounts/{}?wait=-1s", "wait"),
    ("/accounts/{}?wait=1h", "wait"),
    ("/accounts/{}?wait=99999999999999999999s", "wait"),
]


@pytest.mark.parametrize("path, name", WRONG_PARAMETERS, ids=[path for path, _ in WRONG_PARAMETERS])
def test_wrong_query_parameters(daybook, account, path, name):
    for client in (daybook.gateway, daybook.queries):
        problem = assert_problem(client.get(path.format(account)), 400, "invalid-parameter")
        assert name in problem["detail"]


@pytest.mark.parametrize("value", ["abc", "-1", "", "1, 2", "99999999999999999999"])
def test_a_wrong_minimal_position_in_the_header(daybook, account, value):
    for client in (daybook.gateway, daybook.queries):
        answer = client.get(f"/accounts/{account}", headers={"Daybook-Min-Position": value})
        assert_problem(answer, 400, "invalid-parameter")


# Beyond the wait that was asked for.
@within(1.2)
@pytest.mark.parametrize("through", ["gateway", "query service"])
def test_a_position_that_is_not_reached_in_time(daybook, account, through, limit):
    client = daybook.gateway if through == "gateway" else daybook.queries
    position = daybook.event_log.figures()["position"]
    for path in (f"/accounts/{account}", f"/accounts/{account}/events", "/accounts"):
        for demand in (f"&min_position={position + 1}", "&min_position=18446744073709551615"):
            begun = time.monotonic()
            answer = client.get(f"{path}?wait=300ms{demand}")
            took = time.monotonic() - begun
            assert_problem(answer, 503, "not-caught-up")
            # Not before the time that the client gave, and well before the time that is waited by default.
            assert 0.29 <= took < 0.3 + limit
    begun = time.monotonic()
    answer = client.get("/accounts", headers={"Daybook-Min-Position": str(position + 1)}, catches_up=False)
    assert_problem(answer, 503, "not-caught-up")
    assert 1.9 <= time.monotonic() - begun < 2 + limit, "waits 2 s by default"


# ---- the ways of HTTP


def raw(method, path, *fields, body=b"", version="1.1"):
    fields = ("Host: localhost",) + fields
    return "\r\n".join([f"{method} {path} HTTP/{version}", *fields, "", ""]).encode() + body


def raw_deposit(account, body, *fields):
    body = body.encode()
    fields = ("Content-Type: application/json", f"Content-Length: {len(body)}", *fields)
    return raw("POST", f"/accounts/{account}", *fields, body=body)


def test_head_answers_as_get_does_without_a_body(daybook, account):
    for service, path in [
        (daybook.command, f"/accounts/{account}"),
        (daybook.command, "/accounts"),
        (daybook.command, f"/accounts/{account}/events"),
        (daybook.command, "/accounts/t-nobody"),
        (daybook.query, f"/accounts/{account}"),
        (daybook.query, "/accounts?limit=0"),
    ] + [(service, path) for service in daybook.services for path in ("/livez", "/nowhere")]:
        get = service.client.get(path)
        # On one connection, so that a body that must not be there would be taken for the beginning of the next answer.
        received = exchange(service.port, raw("HEAD", path) + raw("HEAD", path, "Connection: close"))
        for head in responses(received, head=(0, 1)):
            assert (head.status, head.body) == (get.status, b"")
            for name in ("Content-Type", "Content-Length", "ETag", "Link"):
                assert head.headers[name] == get.headers[name], (path, name)


def test_requests_that_are_sent_without_waiting_are_answered_in_order(daybook, account):
    requests = [
        raw_deposit(account, deposit("1")),
        raw("GET", f"/accounts/{account}"),
        raw_deposit(account, deposit("0")),
        raw("HEAD", f"/accounts/{account}"),
        raw_deposit(account, "{"),
        raw("GET", "/nowhere"),
        raw_deposit(account, deposit("2")),
        raw("GET", f"/accounts/{account}/events"),
        raw_deposit(account, '{"type":"Withdraw","amount":1003}'),
        raw("GET", f"/accounts/{account}", "Connection: close"),
    ]
    answers = responses(exchange(daybook.command.port, b"".join(requests)), head=(3,))
    assert [answer.status for answer in answers] == [200, 200, 400, 200, 400, 404, 200, 200, 200, 200]
    assert [answers[index].json["version"] for index in (0, 1, 6, 8, 9)] == [2, 2, 3, 4, 4]
    assert [event["version"] for event in answers[7].json] == [1, 2, 3]


def test_thousands_of_queries_sent_without_waiting_are_answered_in_order(daybook, account):
    count = 3000
    requests = [raw("GET", f"/accounts/{account}?version={1 + number % 2}") for number in range(count - 1)]
    requests.append(raw("GET", f"/accounts/{account}", "Connection: close"))
    daybook.gateway.deposit(account, 1)
    answers = responses(exchange(daybook.command.port, b"".join(requests)))
    assert [answer.json["version"] for answer in answers] == [1 + number % 2 for number in range(count - 1)] + [2]


@pytest.mark.open_only("over TLS a client that closes its end closes the connection")
@pytest.mark.parametrize("path", ["/accounts/{}", "/accounts/{}/events", "/events?after=0", "/nowhere"])
def test_a_client_that_sends_no_more_is_answered(daybook, account, path):
    target = path.format(account)
    wanted = 404 if path == "/nowhere" else 200
    with connect(daybook.command.port, 10) as connection:
        connection.sendall(raw("GET", target) * 2)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert [answer.status for answer in responses(received)] == [wanted, wanted]


@pytest.mark.open_only("over TLS a client that closes its end closes the connection")
@pytest.mark.parametrize("last", ["", "Connection: close"])
def test_a_client_that_sends_no_more_and_reads_late_gets_the_whole_answer(start_daybook, last):
    daybook = start_daybook()
    daybook.gateway.open("long", 0)
    line = json.dumps({"account": "long", "type": "Deposit", "amount": 1}) + "\n"
    assert daybook.gateway.request(
        "POST", "/commands", (line * 9999).encode(), {"Content-Type": "application/x-ndjson"}, 60
    ).body.count(b'"status":200') == 9999  # fmt: skip
    # More than the system's own buffers take.
    count = 8
    requests = [raw("GET", "/accounts/long/events?limit=10000")] * (count - 1)
    requests.append(raw("GET", "/accounts/long/events?limit=10000", *filter(None, [last])))

    def answers():
        with connect(daybook.command.port, receive_buffer=4096) as connection:
            connection.sendall(b"".join(requests))
            connection.shutdown(socket.SHUT_WR)
            found = responses(b"".join(iter(lambda: connection.recv(65536), b"")))
        assert len(found) == count and {answer.status for answer in found} <= {200, 503}
        # The gateway gives the query service 5 s for each, which is little on a busy machine.
        return found if all(answer.status == 200 for answer in found) else None

    assert [len(answer.json) for answer in wait_until(answers, "the query service is in time")] == [10000] * count


def test_queries_sent_without_waiting_are_all_refused_where_nobody_answers_them(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    daybook.query.stop()
    requests = [raw("GET", "/accounts/a")] * 3 + [raw("GET", "/accounts/a", "Connection: close")]
    answers = responses(exchange(daybook.command.port, b"".join(requests)))
    assert [answer.status for answer in answers] == [503] * 4
    assert daybook.gateway.deposit("a", 1).status == 200


@pytest.mark.parametrize("target", ["/accounts?limit=1000", "/accounts/a?at=%zz"])
def test_a_client_that_asks_on_and_reads_nothing_is_not_read_from(start_daybook, target):
    daybook = start_daybook()
    for number in range(200):
        daybook.gateway.open(f"a-{number}", 0)
    before = memory(daybook)
    requests = raw("GET", target) * 1000
    sent = 0
    with connect(daybook.command.port) as connection:
        connection.settimeout(1.0)
        with pytest.raises(TimeoutError):
            while sent < 64 << 20:
                sent += connection.send(requests)
        assert memory(daybook) - before < 64 << 20
        assert daybook.gateway.account("a-1")["version"] == 1, "others wait for the one that does not read"


def memory(daybook):
    text = daybook.command.client.get("/metrics").body.decode()
    return int(re.search(r"^daybook_command_resident_memory_bytes (\d+)$", text, re.MULTILINE)[1])


def test_a_query_with_a_body_is_answered_and_the_next_one_too(daybook, account):
    body = b"x" * 200_000
    requests = [
        raw("GET", f"/accounts/{account}", f"Content-Length: {len(body)}", body=body),
        raw("GET", f"/accounts/{account}/events", "Connection: close"),
    ]
    first, second = responses(exchange(daybook.command.port, b"".join(requests)))
    assert (first.status, first.json["id"]) == (200, account)
    assert (second.status, len(second.json)) == (200, 1)


def test_nonsense_after_a_query_is_refused_after_its_answer(daybook, account):
    for nonsense, status in [(b"what is this?\r\n\r\n", 405), (b"GET what is this?\r\n\r\n", 400)]:
        sent = raw("GET", f"/accounts/{account}") + nonsense
        first, second = responses(exchange(daybook.command.port, sent))
        assert (first.status, second.status) == (200, status), nonsense


def test_a_hundred_requests_on_one_connection(daybook, account):
    requests = raw_deposit(account, deposit("0.01")) * 99 + raw_deposit(account, deposit("0.01"), "Connection: close")
    answers = responses(exchange(daybook.command.port, requests))
    assert [answer.json["version"] for answer in answers] == list(range(2, 102))


def test_a_connection_is_closed_where_the_client_asks_for_it(daybook, account):
    for service in daybook.services:
        received = exchange(service.port, raw("GET", "/livez", "Connection: close"))
        assert [answer.status for answer in responses(received)] == [200]
    received = exchange(daybook.command.port, raw_deposit(account, deposit("1"), "Connection: close"))
    assert [answer.json["version"] for answer in responses(received)] == [2]


def test_a_connection_of_http_1_0_is_closed_after_the_answer(daybook, account):
    # RFC 9112, section 9.3: without "keep-alive", a client of 1.0 reads to the end of the connection.
    targets = [(service, "/livez") for service in daybook.services] + [(daybook.command, f"/accounts/{account}")]
    for service, path in targets:
        received = exchange(service.port, raw("GET", path, version="1.0"))
        assert [answer.status for answer in responses(received)] == [200]


def test_a_client_may_wait_for_leave_to_send_its_body(daybook, account):
    # RFC 9110, section 10.1.1: a server must answer with 100, or at once with the final status.
    body = deposit("1").encode()
    head = raw("POST", f"/accounts/{account}", "Content-Type: application/json", f"Content-Length: {len(body)}",
               "Expect: 100-continue")  # fmt: skip
    received = exchange(daybook.command.port, head, until=lambda received: b"\r\n\r\n" in received)
    assert received.startswith(b"HTTP/1.1 100 "), received


def test_a_body_that_is_too_long_is_refused_where_the_client_waits_for_leave(daybook, account, nothing_recorded):
    head = raw("POST", f"/accounts/{account}", "Content-Type: application/json", f"Content-Length: {LIMIT + 1}",
               "Expect: 100-continue")  # fmt: skip
    received = exchange(daybook.command.port, head, until=lambda received: received.endswith(b"}"))
    (answer,) = responses(received)
    assert_problem(answer, 413, "payload-too-large")


def test_a_target_may_be_a_whole_url(daybook, account):
    # RFC 9112, section 3.2.2: a server must accept it.
    for service in (daybook.command, daybook.query):
        target = f"http://localhost:8080/accounts/{account}"
        (answer,) = responses(exchange(service.port, raw("GET", target, "Connection: close")))
        assert answer.json["id"] == account


def test_the_body_of_a_query_is_passed_over(daybook, account):
    body = b"x" * 1000
    requests = raw("GET", f"/accounts/{account}", f"Content-Length: {len(body)}", body=body) + raw(
        "GET", f"/accounts/{account}", "Connection: close"
    )
    for service in (daybook.command, daybook.query):
        answers = responses(exchange(service.port, requests))
        assert [answer.json["id"] for answer in answers] == [account, account]


def test_a_client_that_goes_away_in_the_middle_of_its_body_records_nothing(daybook, account, nothing_recorded):
    whole = raw_deposit(account, deposit("1"))
    exchange(daybook.command.port, whole[:-5], until=lambda _: True)
    # Half a body in chunks, whose part so far would be a command.
    body = deposit("1").encode()
    head = raw("POST", f"/accounts/{account}", "Content-Type: application/json", "Transfer-Encoding: chunked")
    exchange(daybook.command.port, head + b"%x\r\n%s\r\n" % (len(body), body), until=lambda _: True)
    wait_until(lambda: daybook.gateway.account(account)["version"] == 1, "the account is as before")


def test_an_error_does_not_show_internals(daybook, account):
    shown = b"".join(
        answer.body
        for answer in (
            daybook.gateway.post(account, b"\xff\x00"),
            daybook.gateway.get("/accounts?min_position=18446744073709551615&wait=1ms"),
            daybook.queries.get("/accounts/a?wait=x"),
            daybook.event_log.client.get("/accounts"),
        )
    )
    assert not re.search(rb"\.swift|Error\(|0x[0-9a-f]{6}|/tmp|Optional\(|NIO|sqlite", shown), shown
    json.loads(b"[" + shown.replace(b"}{", b"},{") + b"]")

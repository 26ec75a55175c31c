"""The recipe's calls, as its reader types them, give the recipe's answers; and what is written is seen at once."""

import json
import os
import re
import subprocess
from decimal import Decimal

import pytest

import secured

OPEN = """curl -X POST http://127.0.0.1:8080/accounts/acc-001 \\
-H "Content-Type: application/json" \\
-d '{
"type": "OpenAccount",
"owner": "Alice",
"initial_balance": 1000.0
}'"""
DEPOSIT = """curl -X POST http://127.0.0.1:8080/accounts/acc-001 \\
-H "Content-Type: application/json" \\
-d '{
"type": "Deposit",
"amount": 500.0
}'"""
WITHDRAW = """curl -X POST http://127.0.0.1:8080/accounts/acc-001 \\
-H "Content-Type: application/json" \\
-d '{
"type": "Withdraw",
"amount": 200.0
}'"""
GET = "curl http://127.0.0.1:8080/accounts/acc-001"
EVENTS = "curl http://127.0.0.1:8080/accounts/acc-001/events"

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Shell:
    """Runs commands in a shell whose curl finds port 8080 where the gateway is, and notes the headers of the answer.

    Both are told in curl's own settings file, so that the commands themselves stay as the recipe has them.
    """

    def __init__(self, folder, port):
        self.headers_file = folder / "headers"
        (folder / ".curlrc").write_text(
            f'connect-to = "127.0.0.1:8080:127.0.0.1:{port}"\n'
            f'dump-header = "{self.headers_file}"\n'
            "silent\nshow-error\nmax-time = 20\n"
            + secured.curl_settings("POST", "/accounts")
        )
        self.environment = os.environ | {"CURL_HOME": str(folder), "HOME": str(folder)}
        # A proxy that the machine has for the world outside must not answer for the gateway.
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            self.environment.pop(name, None)

    def run(self, command):
        """The status, the headers by their names in small letters, and the body."""
        command = command.replace("http://", f"{secured.SCHEME}://")
        done = subprocess.run(
            ["bash", "-c", command], env=self.environment, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        status_line, *fields = self.headers_file.read_text().strip().splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        return int(status_line.split()[1]), headers, json.loads(done.stdout, parse_float=Decimal)


@pytest.fixture(scope="module")
def shell(daybook, tmp_path_factory):
    return Shell(tmp_path_factory.mktemp("shell"), daybook.command.port)


def assert_holds(found, expected):
    """`expected` is in `found`, which may have further members; numbers compare as numbers."""
    assert {name: found.get(name) for name in expected} == expected


def test_the_recipe_word_for_word(shell):
    status, headers, account = shell.run(OPEN)
    assert status == 201
    assert headers["location"] == "/accounts/acc-001"
    assert headers["etag"] == '"1"'
    assert headers["daybook-position"] == "1"
    assert headers["content-type"] == "application/json"
    assert_holds(account, {"id": "acc-001", "owner": "Alice", "balance": 1000, "version": 1})

    status, headers, account = shell.run(DEPOSIT)
    assert (status, headers["etag"], headers["daybook-position"]) == (200, '"2"', "2")
    assert "location" not in headers
    assert_holds(account, {"id": "acc-001", "owner": "Alice", "balance": 1500, "version": 2})

    status, headers, account = shell.run(WITHDRAW)
    assert (status, headers["etag"], headers["daybook-position"]) == (200, '"3"', "3")
    assert_holds(account, {"id": "acc-001", "owner": "Alice", "balance": 1300, "version": 3})
    after_the_command = account

    status, headers, account = shell.run(GET)
    assert (status, headers["etag"], headers["daybook-position"]) == (200, '"3"', "3")
    assert headers["content-type"] == "application/json"
    assert_holds(account, {"id": "acc-001", "owner": "Alice", "balance": Decimal("1300.0"), "version": 3})
    assert_holds(account, {"currency": "USD", "status": "open"})
    assert TIME.fullmatch(account["opened_at"]) and TIME.fullmatch(account["updated_at"])
    assert account["opened_at"] < account["updated_at"]
    assert account == after_the_command, "a command is answered with the account as a query shows it"

    status, headers, events = shell.run(EVENTS)
    assert (status, headers["daybook-position"], headers["content-type"]) == (200, "3", "application/json")
    expected = [
        {"type": "AccountOpened", "owner": "Alice", "initial_balance": Decimal("1000.0"), "currency": "USD"},
        {"type": "MoneyDeposited", "amount": Decimal("500.0")},
        {"type": "MoneyWithdrawn", "amount": Decimal("200.0")},
    ]
    assert len(events) == len(expected)
    for number, (event, wanted) in enumerate(zip(events, expected), start=1):
        assert_holds(event, wanted | {"version": number, "position": number})
        assert TIME.fullmatch(event["time"]) and UUID.fullmatch(event["id"]), event
    assert (events[0]["time"], events[2]["time"]) == (account["opened_at"], account["updated_at"])


def test_insufficient_funds_tells_the_exact_figures(daybook, shell):
    daybook.gateway.open("short", "1300.10")
    status, headers, problem = shell.run(
        """curl -X POST http://127.0.0.1:8080/accounts/short -H "Content-Type: application/json" \\
        -d '{"type": "Withdraw", "amount": 2000.3}'"""
    )
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert_holds(
        problem,
        {
            "type": "/problems/insufficient-funds",
            "status": 400,
            "available": Decimal("1300.10"),
            "requested": Decimal("2000.30"),
            "shortfall": Decimal("700.20"),
            "currency": "USD",
        },
    )
    # As numbers with the currency's digits, as amounts stand everywhere: "700.2" would be the same number.
    answer = daybook.gateway.withdraw("short", "1300.11")
    assert b'"available":1300.10,' in answer.body
    assert b'"requested":1300.11,' in answer.body
    assert b'"shortfall":0.01,' in answer.body
    assert_holds(daybook.gateway.account("short"), {"balance": Decimal("1300.10"), "version": 1})


def test_the_whole_balance_can_be_withdrawn_and_not_a_cent_more(daybook):
    daybook.gateway.open("all", "0.03")
    assert daybook.gateway.withdraw("all", "0.03").status == 200
    refused = daybook.gateway.withdraw("all", "0.01")
    assert (refused.status, refused.json["shortfall"]) == (400, Decimal("0.01"))
    assert_holds(daybook.gateway.account("all"), {"balance": 0, "version": 2})


def test_a_query_right_after_a_command_is_never_older_through_the_gateway(daybook):
    daybook.gateway.open("fresh-1")
    for version in range(2, 302):
        commanded = daybook.gateway.deposit("fresh-1", "0.01")
        asked = daybook.gateway.get("/accounts/fresh-1")
        assert asked.json == commanded.json, f"the query after the command that made version {version} is older"
        assert asked.headers["ETag"] == commanded.headers["ETag"] == f'"{version}"'
        assert asked.position >= commanded.position


@pytest.mark.parametrize("demand", ["min_position", "Daybook-Min-Position"])
def test_a_query_with_a_minimal_position_is_never_older_at_the_query_service(daybook, demand):
    name = f"fresh-{demand}"
    daybook.gateway.open(name)
    for _ in range(300):
        commanded = daybook.gateway.deposit(name, "0.01")
        position = commanded.headers["Daybook-Position"]
        if demand == "min_position":
            asked = daybook.queries.get(f"/accounts/{name}?min_position={position}")
        else:
            asked = daybook.queries.get(f"/accounts/{name}", headers={demand: position})
        assert asked.status == 200, asked
        assert asked.json == commanded.json
        assert asked.position >= commanded.position


def test_lists_and_histories_are_as_fresh_as_single_accounts(daybook):
    for number in range(50):
        name = f"list-{number:03}"
        daybook.gateway.open(name, owner="Fresh & new")
        found = daybook.gateway.get("/accounts?owner=Fresh%20%26%20new&limit=1000").json
        assert [account["id"] for account in found][-1] == name
        daybook.gateway.deposit(name, 1)
        assert daybook.gateway.events(name)[-1]["type"] == "MoneyDeposited"

"""`daybook post` and `daybook statement`: commands and statements from the command line."""

import csv
import io
import itertools
import json
import re
from decimal import Decimal

import pytest

import secured
from commands import deposit, obeyed
from daybook_terminal import run_on_terminal
from daybook_tool import Tool
from services import PROGRAMS, Ports, environment
from test_terminal import OWNER, steering

NUMBERS = itertools.count(1)
KEY = re.compile(r"daybook: the command's key is ([0-9a-f-]{36})\n")


@pytest.fixture(scope="module")
def tool(daybook):
    return Tool(daybook)


@pytest.fixture
def account(daybook):
    """An account of 100.00 with a name of the test's own."""
    name = f"post-{next(NUMBERS)}"
    daybook.gateway.open(name, "100.00")
    return name


def post(tool, account, *arguments, code=0, **options):
    result = tool.run("post", account, *arguments, **options)
    assert result.returncode == code, result
    return result


def test_every_command_can_be_sent(daybook, tool, account):
    other = f"{account}-other"
    post(tool, other, "--open", "Bob", "--initial-balance", "10", "--currency", "USD", "--overdraft", 5, "--maximum-balance", 900)
    assert daybook.gateway.account(other)["available"] == 15
    for arguments in (
        ["--deposit", "5"], ["--withdraw", "1.50"], ["--transfer-to", other, "--amount", 10],
        ["--hold", "h-1", "--amount", 20, "--expires-in", "7d"], ["--capture", "h-1", "--amount", 5, "--to", other],
        ["--hold", "h-2", "--amount", 20, "--expires-at", "2100-01-01"], ["--release", "h-2"],
        ["--hold", "h-3", "--amount", 1], ["--capture", "h-3"],
        ["--set-overdraft", 50, "--set-maximum-balance", 1000], ["--set-overdraft", "none"], ["--set-maximum-balance", "none"],
        ["--freeze", "debits", "--reason", "a lost card"], ["--unfreeze", "--reason", "found"],
        ["--reverse", 2, "--reason", "booked twice"], ["--withdraw", "82.50"], ["--close", "--reason", "moved away"],
    ):  # fmt: skip
        result = post(tool, account, *arguments)
        assert re.search(rf"^id +{account}$", result.stdout, re.MULTILINE), result
    events = daybook.gateway.events(account)
    assert [event["type"] for event in events] == [
        "AccountOpened", "MoneyDeposited", "MoneyWithdrawn", "MoneySent", "HoldPlaced", "HoldCaptured", "HoldPlaced",
        "HoldReleased", "HoldPlaced", "HoldCaptured", "LimitsSet", "LimitsSet", "LimitsSet", "AccountFrozen", "AccountUnfrozen",
        "MovementReversed", "MoneyWithdrawn", "AccountClosed",
    ]  # fmt: skip
    assert (events[11]["overdraft"], events[12]["maximum_balance"]) == (None, None)
    assert (events[6]["expires_at"], events[15]["reverses"]) == ("2100-01-01T00:00:00.000000Z", 2)
    assert daybook.gateway.account(account)["status"] == "closed"
    post(tool, f"{account}-empty", "--open", "Carol")
    assert daybook.gateway.account(f"{account}-empty")["balance"] == 0


def test_what_is_said_about_a_command_stands_in_its_event(daybook, tool, account):
    post(
        tool, account, "--deposit", 5, "--reference", "R-1", "--description", "for «rent»", "--effective-at", "2026-01-31",
        "--correlation-id", "order-7", "--causation-id", "click-1",
    )  # fmt: skip
    event = daybook.gateway.events(account)[-1]
    assert [event[name] for name in ("reference", "description", "effective_at", "correlation_id", "causation_id")] == [
        "R-1", "for «rent»", "2026-01-31", "order-7", "click-1",
    ]  # fmt: skip


def test_a_key_is_made_and_printed_and_a_repeat_with_it_is_safe(daybook, tool, account):
    first = post(tool, account, "--deposit", 5, "--json")
    (key,) = KEY.findall(first.stderr)
    again = post(tool, account, "--deposit", "5.00", "--key", key, "--json")
    assert again.stdout == first.stdout and "was answered before" in again.stderr
    assert daybook.gateway.account(account)["balance"] == 105
    # Another one each time.
    assert KEY.findall(post(tool, account, "--deposit", 5).stderr) != [key]
    assert daybook.gateway.account(account)["balance"] == 110
    result = post(tool, account, "--deposit", 6, "--key", key, code=1)
    assert "answers 422" in result.stderr and result.stdout == ""
    # A key that was given is not told again.
    assert post(tool, account, "--deposit", 1, "--key", "mine").stderr == ""


def test_a_condition(daybook, tool, account):
    result = post(tool, account, "--deposit", 5, "--if-match", 7, code=1)
    assert "answers 412" in result.stderr and "version 1" in result.stderr
    post(tool, account, "--deposit", 5, "--if-match", 1)


def test_refusals_are_told_plainly(tool, account):
    result = post(tool, account, "--withdraw", 500, code=1)
    assert result.stdout == ""
    assert re.fullmatch(
        rf"daybook: the command's key is \S+\n"
        rf"daybook: \S+ answers 400: the account {account} has 100.00 USD available, 500.00 USD was requested\n",
        result.stderr,
    )
    for arguments, words in [
        (["--deposit", "x"], "/amount"), (["--transfer-to", "nobody", "--amount", 1], "there is no account nobody"),
        (["--capture", "nothing"], "no hold nothing"), (["--reverse", 9, "--reason", "x"], "no version 9"),
        (["--close", "--reason", "x"], "only an empty account"), (["--unfreeze", "--reason", "x"], "is not frozen"),
    ]:  # fmt: skip
        result = post(tool, account, *arguments, code=1)
        assert words in result.stderr, result


def test_what_happened_is_unknown_if_nobody_answers_and_how_to_repeat_it_is_told(tool, account):
    away = {"COMMAND_HTTP_ADDRESS": f"127.0.0.1:{Ports.take()}"}
    result = post(tool, account, "--deposit", 5, code=69, settings=away)
    (key,) = KEY.findall(result.stderr)
    assert result.stderr.endswith(f"daybook: repeat the command with --key {key}: it is executed once\n")
    result = post(tool, account, "--deposit", 5, "--key", "mine", code=69, settings=away)
    assert "repeat the command with --key mine" in result.stderr


@pytest.mark.parametrize("arguments, word", [
    ([], "expected a command"), (["--deposit", "1", "--withdraw", "1"], "cannot stand together"), (["--hold", "h"], "--amount"),
    (["--transfer-to", "b"], "--amount"), (["--freeze", "all"], "--reason"), (["--close"], "--reason"),
    (["--deposit", "1", "--amount", "2"], "--amount is no field of --deposit"), (["--release", "h", "--reference", "r"], "--reference"),
    (["--deposit", "1", "--initial-balance", "2"], "--initial-balance"), (["--reverse", "x", "--reason", "r"], "--reverse"),
    (["--deposit", "1", "--key", "a b"], "--key"), (["--deposit", "1", "--key", "x" * 256], "--key"),
    (["--deposit", "1", "--correlation-id", "ä"], "--correlation-id"), (["--deposit", "1", "--causation-id", "a\r\nX: y"], "--causation-id"),
    (["--deposit", "1", "--if-match", "-1"], "--if-match"), (["--deposit", "1", "--key", "\x1b[2J"], "--key"),
])  # fmt: skip
def test_wrong_arguments_are_refused_before_anything_is_sent(daybook, tool, account, arguments, word):
    result = post(tool, account, *arguments, code=64)
    assert word in result.stderr and result.stdout == "" and not KEY.search(result.stderr)
    assert steering(result.stderr) == []
    assert daybook.gateway.account(account)["version"] == 1


def test_text_of_others_steers_no_terminal(daybook, tool, account):
    name = f"{account}-hostile"
    daybook.gateway.open(name, 10, owner=OWNER)
    obeyed(daybook.gateway.post(name, deposit(1, reference="r" + OWNER[:60], description=OWNER)))
    options = {"cwd": daybook.directory}
    for command in (
        ["post", name, "--freeze", "all", "--reason", OWNER], ["post", name, "--withdraw", "1"], ["show", name, "--version", "2"],
        ["statement", name], ["statement", name, "--csv"], ["statement", name, "--json"], ["events", "--account", name],
    ):  # fmt: skip
        code, shown = run_on_terminal([PROGRAMS / "daybook", *command], columns=200, **options, env=environment(
            daybook.settings | secured.settings_of_tool(command[0])
        ))  # fmt: skip
        assert code == (1 if command[2:3] == ["--withdraw"] else 0) and "Mallory" in shown, shown
        assert steering(shown) == []


def test_show_tells_of_the_account_and_of_its_last_event(tool, account):
    post(tool, account, "--hold", "h-1", "--amount", 20)
    post(tool, account, "--hold", "h-2", "--amount", 5, "--expires-in", "7d", "--reference", "R-7")
    post(tool, account, "--freeze", "debits", "--reason", "a lost card")
    shown = tool.run("show", account).stdout
    assert re.search(r"^frozen +direction debits, reason a lost card$", shown, re.MULTILINE)
    assert re.search(r"^holds +hold h-1, amount 20.00\n +hold h-2, amount 5.00, expires_at \S+$", shown, re.MULTILINE)
    assert re.search(r"^type +AccountFrozen$", shown, re.MULTILINE)
    (then,) = tool.json("show", account, "--version", 3)
    assert (then["last_event"]["type"], then["last_event"]["reference"], then["status"]) == ("HoldPlaced", "R-7", "open")


# ---- statements


def test_a_statement_as_a_table_as_csv_and_as_json(tool, account):
    other = f"{account}-other"
    post(tool, other, "--open", "Bob")
    post(tool, account, "--deposit", 5, "--reference", "R-1", "--description", 'a "quoted", text', "--effective-at", "2026-01-31")
    post(tool, account, "--transfer-to", other, "--amount", "30.10")
    (statement,) = tool.json("statement", account)
    assert (statement["opening_balance"], statement["credits"], statement["debits"], statement["closing_balance"]) == (
        "0.00", "105.00", "30.10", "74.90",
    )  # fmt: skip
    assert [entry["amount"] for entry in statement["entries"]] == ["100.00", "5.00", "-30.10"]
    rows = list(csv.DictReader(io.StringIO(tool.run("statement", account, "--csv").stdout)))
    assert [Decimal(row["amount"]) for row in rows] == [100, 5, Decimal("-30.10")]
    assert (rows[1]["reference"], rows[1]["description"], rows[1]["effective_at"]) == ("R-1", 'a "quoted", text', "2026-01-31")
    assert rows[2]["counterparty"] == other
    table = tool.run("statement", account).stdout
    assert re.search(r"^closing_balance +74.90$", table, re.MULTILINE)
    assert re.search(rf"MoneySent +-30.10 +74.90 +{other}", table)


def test_a_statement_between_two_times(daybook, tool, account):
    post(tool, account, "--deposit", 5)
    time = daybook.gateway.account(account)["updated_at"]
    post(tool, account, "--deposit", 7)
    (before,) = tool.json("statement", account, "--to", time)
    (after,) = tool.json("statement", account, "--from", time, "--to", "2100-01-01")
    assert (before["closing_balance"], after["opening_balance"], after["closing_balance"]) == ("100.00", "100.00", "112.00")
    assert [entry["amount"] for entry in after["entries"]] == ["5.00", "7.00"]
    assert tool.json("statement", account, "--from", "1h ago")[0]["closing_balance"] == "112.00"
    assert tool.run("statement", account, "--csv", "--json").returncode == 64
    for arguments in (["statement", "nobody"], ["statement", account, "--from", "yesterday"], ["statement", "nobody", "--csv"]):
        result = tool.run(*arguments)
        assert result.returncode == 1 and result.stdout == "" and result.stderr, result
    assert json.loads(tool.run("statement", account, "--json").stdout)["account"] == account

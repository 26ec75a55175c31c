"""The operator's command line beside running services: import, export, queries, exit codes."""

import json
import random
import subprocess
from decimal import Decimal

import pytest

import store
from daybook_tool import Tool, positions_shown
from services import PROGRAMS, environment, wait_until


@pytest.fixture(scope="module")
def tool(daybook):
    return Tool(daybook)


def lines(*events):
    return "".join(json.dumps(event) + "\n" for event in events)


# ---- import


def test_a_hundred_thousand_events_in_the_shape_of_the_recipe_sum_exactly_and_never_double(start_daybook):
    daybook = start_daybook()
    tool = Tool(daybook)
    chance = random.Random(20260102)
    accounts = [f"imp-{number:03}" for number in range(500)]
    cents = {account: chance.randrange(10**6) for account in accounts}
    events = [
        {"account": account, "type": "AccountOpened", "owner": f"Owner of {account}", "initial_balance": cents[account] / 100}
        for account in accounts
    ]  # fmt: skip
    while len(events) < 100_000:
        account = chance.choice(accounts)
        if cents[account] > 100 and chance.random() < 0.4:
            amount = chance.randrange(1, cents[account])
            cents[account] -= amount
            events.append({"account": account, "type": "MoneyWithdrawn", "amount": amount / 100})
        else:
            amount = chance.randrange(1, 10**6)
            cents[account] += amount
            # As a program that adds up in doubles writes it: 0.1 + 0.2 is 0.30000000000000004.
            part = chance.randrange(amount)
            events.append({"account": account, "type": "MoneyDeposited", "amount": part / 100 + (amount - part) / 100})
    (daybook.directory / "history.ndjson").write_text(lines(*events))
    (report,) = tool.json("import", "history.ndjson")
    assert report == {"accounts": 500, "events": 100_000, "recorded": 100_000, "found": 0, "broken_lines": [],
                      "accounts_ruled_out": 0}  # fmt: skip
    code, found = tool.verify()
    assert (code, found["position"], found["streams"]) == (0, 100_000, 500)
    daybook.wait_until_caught_up()
    shown = {account["id"]: account["balance"] for account in tool.json("accounts")}
    assert shown == {account: f"{Decimal(cents[account]).scaleb(-2):.2f}" for account in accounts}

    # Again, and again with more: what is there is not taken twice.
    (report,) = tool.json("import", "history.ndjson")
    assert (report["recorded"], report["found"]) == (0, 100_000)
    more = {"account": accounts[7], "type": "MoneyDeposited", "amount": 0.01}
    (report,) = tool.json("import", "-", input=lines(*events, more))
    assert (report["recorded"], report["found"]) == (1, 100_000)
    # Stored bytes are the recipe's own; commands go on from there.
    _, records = store.read(daybook.database)
    assert {record.schema_version for record in records} == {1}
    assert json.loads(records[-1].data) == {"amount": 0.01}
    assert daybook.gateway.deposit(accounts[7], "0.01").status == 200
    (account,) = tool.json("show", accounts[7])
    assert account["balance"] == f"{Decimal(cents[accounts[7]] + 2).scaleb(-2):.2f}"


BROKEN = {
    "no JSON": "{",
    "no object": "[]",
    "no account": '{"type":"MoneyDeposited","amount":1.0}',
    "an unknown type": '{"account":"broken","type":"MoneyPrinted","amount":1.0}',
    "a fraction of a cent": '{"account":"broken","type":"MoneyDeposited","amount":1.005}',
    "an unknown member": '{"account":"broken","type":"MoneyDeposited","amount":1.0,"currency":"USD"}',
    "a member twice": '{"account":"broken","type":"MoneyDeposited","amount":1.0,"amount":2.0}',
    "more than there is": '{"account":"broken","type":"MoneyWithdrawn","amount":99.0}',
    "a second opening": '{"account":"broken","type":"AccountOpened","owner":"B","initial_balance":1.0}',
    "below zero": '{"account":"broken","type":"MoneyDeposited","amount":-1.0}',
    "a text": '{"account":"broken","type":"MoneyDeposited","amount":"1.0"}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_line_is_named_and_nothing_of_its_account_is_taken(daybook, tool, name):
    number = list(BROKEN).index(name)
    whole, broken = f"whole-{number}", f"broken-{number}"
    opening = {"type": "AccountOpened", "owner": "A", "initial_balance": 5.0}
    text = lines({"account": whole} | opening, {"account": broken} | opening) + "\n"
    text += BROKEN[name].replace("broken", broken) + "\n" + lines({"account": broken, "type": "MoneyDeposited", "amount": 1.0})
    result = tool.run("import", "-", input=text)
    assert result.returncode == 65, result
    assert "line 4: " in result.stderr and len(result.stderr.splitlines()) == 1, result
    daybook.wait_until_caught_up()
    assert daybook.gateway.get(f"/accounts/{broken}").status == 404, "half an account was taken"
    if '"broken"' in BROKEN[name]:
        assert daybook.gateway.account(whole)["balance"] == 5
    else:
        # Whose line it is nobody can tell, so it may be anybody's.
        assert daybook.gateway.get(f"/accounts/{whole}").status == 404


def test_an_account_with_another_history_is_left_alone(daybook, tool):
    daybook.gateway.open("mine", 1)
    result = tool.run(
        "import", "-", input=lines({"account": "mine", "type": "AccountOpened", "owner": "B", "initial_balance": 9.0})
    )
    assert result.returncode == 65 and "mine" in result.stderr and "another history" in result.stderr, result
    assert daybook.gateway.account("mine")["version"] == 1


def test_a_dry_run_records_nothing(daybook, tool):
    head = daybook.event_log.figures()["position"]
    event = {"account": "dry", "type": "AccountOpened", "owner": "B", "initial_balance": 9.0}
    assert tool.run("import", "-", "--dry-run", input=lines(event)).returncode == 0
    assert daybook.event_log.figures()["position"] == head


# ---- export and queries


@pytest.fixture(scope="module")
def filled(module_services):
    """Twelve thousand events, imported."""
    daybook = module_services()
    tool = Tool(daybook)
    events = [{"account": "big", "type": "AccountOpened", "owner": "Ö „x“", "initial_balance": 0}]
    events += [{"account": "big", "type": "MoneyDeposited", "amount": number / 100} for number in range(1, 12_000)]
    assert tool.run("import", "-", input=lines(*events)).returncode == 0
    daybook.wait_until_caught_up()
    return daybook, tool


def test_an_export_is_the_log_as_cloud_events(filled):
    daybook, tool = filled
    log_id, records = store.read(daybook.database)
    exported = [json.loads(line) for line in tool.run("export").stdout.splitlines()]
    assert len(exported) == len(records) == 12_000
    for event, record in zip(exported, records):
        assert event["specversion"] == "1.0" and event["datacontenttype"] == "application/json"
        assert event["source"] == f"urn:uuid:{log_id.hex()[:8]}-{log_id.hex()[8:12]}-{log_id.hex()[12:16]}-{log_id.hex()[16:20]}-{log_id.hex()[20:]}"
        assert event["type"] == record.type.decode() and event["subject"] == "account/big"
        assert (event["position"], event["hash"]) == (str(record.position), record.hash.hex())
        assert event["data"] == json.loads(record.data)
        # An attribute's name is lower-case letters and digits (CloudEvents 1.0, section 3.1).
        assert all(name.isalnum() and name == name.lower() for name in event)
    assert [event["sequence"] for event in exported] == sorted(event["sequence"] for event in exported)
    assert len(tool.run("export", "--after", 11_990).stdout.splitlines()) == 10


def test_ten_thousand_lines_of_tail(filled):
    _, tool = filled
    shown = tool.json("tail", "-n", 10_000)
    assert [event["position"] for event in shown] == list(range(2001, 12_001))
    assert len(tool.run("tail", "-n", 10_000).stdout.splitlines()) == 10_000
    assert len(tool.run("tail").stdout.splitlines()) == 20


@pytest.mark.parametrize("command", [["export"], ["events", "--json"], ["tail", "-n", "12000"]])
def test_a_reader_that_has_enough_ends_it_without_a_word(filled, command):
    daybook, _ = filled
    with subprocess.Popen(
        [PROGRAMS / "daybook", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=daybook.directory,
        env=environment(daybook.settings),
    ) as process:  # fmt: skip
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 0


def test_tail_follows_over_a_restart_of_the_gateway(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    output = daybook.directory / "followed"
    with open(output, "w") as file, subprocess.Popen(
        [PROGRAMS / "daybook", "tail", "--follow", "--json"], stdout=file, stderr=subprocess.PIPE,
        cwd=daybook.directory, env=environment(daybook.settings),
    ) as process:  # fmt: skip
        try:
            def followed():
                return positions_shown(output)

            for round in range(3):
                for _ in range(20):
                    assert daybook.gateway.deposit("a", 1).status == 200
                head = daybook.event_log.figures()["position"]
                wait_until(lambda: followed()[-1:] == [head], f"position {head} is shown")
                daybook.command.kill()
                daybook.command.start()
            assert followed() == list(range(1, 62)), "an event was left out or shown twice"
        finally:
            process.terminate()


def test_every_command_that_looks_speaks_json(filled):
    _, tool = filled
    for command in (["status"], ["accounts"], ["show", "big"], ["events", "--limit", "3"], ["head"], ["rebuild"]):
        assert tool.json(*command), command
    (rebuilt,) = tool.json("rebuild")
    assert rebuilt["digest"] == rebuilt["replaced_digest"]
    assert [service["state"] for service in tool.json("status")] == ["ready"] * 3


def test_show_travels_in_time(filled):
    _, tool = filled
    (now,) = tool.json("show", "big")
    (then,) = tool.json("show", "big", "--version", 101)
    assert (now["version"], then["version"], then["balance"]) == (12_000, 101, "50.50")
    assert tool.run("show", "big", "--version", 1, "--at", "2026-01-01T00:00:00Z").returncode == 64


@pytest.mark.parametrize(
    "arguments, settings, code, word",
    [
        (["frobnicate"], {}, 64, "frobnicate"),
        (["show"], {}, 64, "account"),
        (["show", "nobody"], {}, 1, "nobody"),
        (["show", "a b"], {}, 1, "account id"),
        (["accounts", "--at", "yesterday"], {}, 1, "RFC 3339"),
        (["accounts"], {"COMMAND_HTTP_ADDRESS": "127.0.0.1:1"}, 69, "127.0.0.1:1"),
        (["export"], {"EVENT_LOG_READ_ENDPOINT": "tcp://127.0.0.1:1", "EVENT_LOG_TIMEOUT": "300ms"}, 69, "127.0.0.1:1"),
        (["export"], {"EVENT_LOG_READ_ENDPOINT": "nonsense"}, 64, "EVENT_LOG_READ_ENDPOINT"),
        (["verify", "--event-store", "nonsense"], {}, 64, "sqlite:PATH"),
        (["verify", "--pinned", "3:abc"], {}, 64, "POSITION:HASH"),
        (["import", "no-such-file"], {}, 66, "no-such-file"),
        (["rebuild", "nothing"], {}, 1, "nothing"),
    ],
)  # fmt: skip
def test_exit_codes_and_messages(daybook, tool, arguments, settings, code, word):
    result = tool.run(*arguments, settings=settings)
    assert result.returncode == code, result
    assert word in result.stderr, result
    assert result.stdout == ""


def test_help_has_examples_and_shells_are_served(tool):
    commands = ["status", "accounts", "show", "statement", "post", "events", "tail", "verify", "head", "backup", "restore", "export", "import", "rebuild"]
    overview = tool.run("--help").stdout
    assert "Exit codes" in overview and all(command in overview for command in commands)
    for command in commands:
        assert "Example" in tool.run(command, "--help").stdout, command
    for shell in ("bash", "zsh", "fish"):
        result = tool.run("--generate-completion-script", shell)
        assert result.returncode == 0 and "daybook" in result.stdout
    assert tool.run("--version").stdout.strip().count(".") == 2

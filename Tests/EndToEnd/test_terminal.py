"""What an operator sees and types: nobody else's text steers the terminal, nothing is wider than it, and every word of the
help is true."""

import json
import re
import shlex
import subprocess
import time
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import secured
import store
from daybook_frames import Write
from daybook_terminal import run_on_terminal
from daybook_tool import Tool
from problems import assert_problem
from services import PROGRAMS, Ports, environment, wait_until
from test_event_feed import event, record_past_the_gateway

README = Path(__file__).parents[2] / "README.md"

COMMANDS = ["status", "accounts", "show", "statement", "post", "events", "tail", "verify", "head", "backup", "restore", "export", "import", "rebuild"]

# What a terminal obeys, or shows otherwise than it is: colours, a new title, a new line, a line overwritten, 8-bit codes, text
# from right to left, invisible text.
STEERING = [
    "\x1b[31m", "\x1b]0;title\x07", "\n", "\r", "\x7f", "\x9b31m", "\x85", "\u061c", "\u200e", "\u200f", "\u202a", "\u202e",
    "\u2028", "\u2029", "\u2066", "\u2069", "\ufeff", "\u00ad", "\U000e0041",
]  # fmt: skip
OWNER = "Mallory" + "".join(STEERING) + "end"

# The tool's own colours, and its progress bar.
OWN = re.compile(r"\x1b\[(0|1|2|31|32|33)m|\r[^\r\n]*\x1b\[K")
# Some scripts cannot be written without them.
JOINERS = "\u200c\u200d"


def steering(text):
    """The characters of a text that steer a terminal, but for line feeds and the tool's own colours."""
    text = OWN.sub("", text.replace("\r\n", "\n")).replace("\n", "")
    return [letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") and letter not in JOINERS]


@pytest.fixture(scope="module")
def hostile(module_services):
    """Accounts whose owners have names that steer terminals, and a log with foreign events."""
    daybook = module_services()
    daybook.gateway.open("a", 1, owner=OWNER)
    daybook.gateway.open("b", 1, owner="Zoë Ångström 株式会社 " + JOINERS)
    record_past_the_gateway(
        daybook, Write("other/x", None, [event("Thing", json.dumps({"n\x1b[31m": OWNER}, ensure_ascii=False).encode())])
    )
    daybook.wait_until_caught_up()
    return daybook


SHOWN = [["accounts"], ["show", "a"], ["statement", "a"], ["events"], ["tail"], ["export"], ["status"], ["verify"], ["head"]]


@pytest.mark.parametrize("command", SHOWN, ids=" ".join)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_nothing_that_others_wrote_steers_the_terminal(hostile, command, form):
    options = {"cwd": hostile.directory, "env": environment(hostile.settings)}
    code, shown = run_on_terminal([PROGRAMS / "daybook", *command, *form], columns=200, **options)
    assert code == 0 and shown, shown
    assert steering(shown) == []
    # A program reads the same, without colours.
    piped = Tool(hostile).run(*command, *form)
    assert piped.returncode == 0 and steering(piped.stdout) == [] and "\x1b" not in piped.stdout
    if form or command == ["export"]:
        for line in piped.stdout.splitlines():
            json.loads(line)


def test_names_are_shown_with_escapes_and_json_keeps_them(hostile):
    tool = Tool(hostile)
    assert "\\u{1B}[31m" in tool.run("show", "a").stdout and "\\u{202E}" in tool.run("accounts").stdout
    assert f"Zoë Ångström 株式会社 {JOINERS}" in tool.run("accounts").stdout
    assert tool.json("show", "a")[0]["owner"] == OWNER
    assert len(tool.run("accounts").stdout.splitlines()) == 3, "a name made a line of its own"
    assert len(tool.run("tail").stdout.splitlines()) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "a\x1b[31m\u202e"], ["events", "--account", "\x1b[2J"], ["accounts", "--at", "\x1b[2J\n1h"],
        ["rebuild", "\x1b[2J"], ["import", "\x1b[2J"], ["verify", "--pinned", "\x1b[2J"],
        ["show", "a", "--command-http-address", "\x1b[2J"], ["\x1b[2J"],
    ],
)  # fmt: skip
def test_errors_do_not_steer_the_terminal(hostile, arguments):
    result = Tool(hostile).run(*arguments)
    assert result.returncode in (1, 64, 66) and result.stderr, result
    assert steering(result.stderr) == []


def test_the_log_of_a_service_cannot_be_steered_by_an_event(start_daybook):
    daybook = start_daybook()
    data = json.dumps({"\x1b[31m\n\u202efake line": 1}, ensure_ascii=False).encode()
    record_past_the_gateway(daybook, Write("account/a", None, [event("MoneyDeposited", data)]))
    told = "streams with a record that cannot be applied are left out"
    wait_until(lambda: told in daybook.query.output, "the account is left out")
    line = next(line for line in daybook.query.output.splitlines() if told in line)
    assert "fake line" in line, "the name of the member made a line of its own, or is not told"
    assert steering(daybook.query.output) == []


# ---- width


@pytest.mark.parametrize("columns", [20, 44, 60, 80, 200])
def test_a_progress_bar_fits_the_terminal(hostile, columns):
    options = {"cwd": hostile.directory, "env": environment(hostile.settings)}
    code, shown = run_on_terminal([PROGRAMS / "daybook", "verify"], columns, **options)
    assert code == 0
    drawn = [part.replace("\x1b[K", "") for part in shown.split("\r") if part.startswith("verifying")]
    assert drawn and all(len(line) < columns for line in drawn), drawn
    if columns >= 44:
        assert all(re.fullmatch(r"verifying [█░]{5,30} \d+/3 events, \d+/s", line) for line in drawn), drawn


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_is_not_broken_at_80_columns(hostile, command):
    tool = Tool(hostile)
    arguments = [command, "--help"] if command else ["--help"]
    narrow, wide = (tool.run(*arguments, settings={"COLUMNS": columns}).stdout.splitlines() for columns in (80, 300))
    assert all(len(line) <= 80 for line in narrow), [line for line in narrow if len(line) > 80]
    typed = [line for line in wide if re.match(r" *(Example: )?daybook |  \{|  *\d+  ", line)]
    assert typed and set(typed) <= set(narrow), set(typed) - set(narrow)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_json_and_the_flags_that_its_help_names(hostile, command):
    text = Tool(hostile).run(command, "--help").stdout
    assert "--json" in text
    flags = {
        "--command-http-address": ["status", "accounts", "show", "statement", "post", "events", "tail"],
        "--query-http-address": ["status", "rebuild"],
        "--event-log-http-address": ["status"],
        "--event-log-read-endpoint": ["export", "import"],
        "--event-log-append-endpoint": ["export", "import"],
        "--event-store": ["verify", "head", "backup", "restore"],
    }
    for flag, commands in flags.items():
        assert (flag in text) == (command in commands), flag


# ---- flags


def test_addresses_are_taken_as_flags(hostile):
    tool = Tool(hostile)
    flags = {name: f"--{name.lower().replace('_', '-')}" for name in hostile.settings if name.endswith(("ADDRESS", "ENDPOINT"))}
    away = {name: "127.0.0.1:1" if name.endswith("ADDRESS") else "tcp://127.0.0.1:1" for name in flags}

    def given(*names):
        return [part for name in names for part in (flags[name], hostile.settings[name])]

    for command in (["show", "a"], ["accounts"], ["events"], ["tail"], ["statement", "a"], ["post", "a", "--deposit", "1"]):
        assert tool.run(*command, settings=away).returncode == 69
        assert tool.run(*command, *given("COMMAND_HTTP_ADDRESS"), settings=away).returncode == 0
    (gateway,) = given("COMMAND_HTTP_ADDRESS")[1:]
    assert tool.run("show", "a", f"--command-http-address={gateway}", settings=away).returncode == 0
    addresses = given("EVENT_LOG_HTTP_ADDRESS", "COMMAND_HTTP_ADDRESS", "QUERY_HTTP_ADDRESS")
    assert tool.run("status", settings=away).returncode == 1
    assert tool.run("status", *addresses, settings=away).returncode == 0
    assert tool.run("rebuild", *given("QUERY_HTTP_ADDRESS"), settings=away).returncode == 0
    endpoints = given("EVENT_LOG_APPEND_ENDPOINT", "EVENT_LOG_EVENTS_ENDPOINT", "EVENT_LOG_READ_ENDPOINT")
    assert tool.run("export", *endpoints, "--event-log-timeout", "9s", settings=away).returncode == 0
    result = tool.run("show", "a", "--command-http-address", "nonsense")
    assert result.returncode == 64 and "--command-http-address" in result.stderr


# ---- exit codes


def listed(text):
    """The exit codes that a text lists."""
    return {int(code) for code in re.findall(r"^\s+(\d+)  ", text, re.MULTILINE)}


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["show", "a"], 0), (["--version"], 0), (["show", "--help"], 0),
        (["show", "nobody"], 1), (["events", "--after", 99], 1), (["restore", "no-such-file"], 1),
        (["show"], 64), (["show", "a", "--no-such-flag"], 64), (["accounts", "--limit=0"], 64), (["events", "--limit=-1"], 64),
        (["import", "--dry-run", "-"], 65), (["import", "no-such-file"], 66),
        (["show", "a", "--command-http-address", "127.0.0.1:1"], 69),
        (["export", "--event-log-read-endpoint", "tcp://127.0.0.1:1", "--event-log-timeout", "200ms"], 69),
    ],
)  # fmt: skip
def test_exit_codes_are_those_of_the_help_and_of_the_readme(hostile, arguments, code):
    tool = Tool(hostile)
    result = tool.run(*arguments, input="{\n")
    assert result.returncode == code, result
    assert (result.stderr == "") == (code == 0), result
    codes = {0, 1, 64, 65, 66, 69, 70, 74}
    assert listed(tool.run("--help").stdout) == codes
    section = README.read_text().split("**Exit codes of `daybook`.**")[1].split("\n- ")[0]
    assert {int(found) for found in re.findall(r"\b(\d+):", section)} == codes


@pytest.mark.parametrize("command", SHOWN, ids=" ".join)
def test_output_that_cannot_be_written_is_told(hostile, command):
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [PROGRAMS / "daybook", *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
            cwd=hostile.directory, env=environment(hostile.settings),
        )  # fmt: skip
    assert result.returncode == 74 and "No space left" in result.stderr, result


@pytest.mark.parametrize("address", ["nobody listens", "no such host", "a ZeroMQ socket"])
def test_no_text_of_a_library_is_told(hostile, address):
    address = {
        "nobody listens": f"127.0.0.1:{Ports.take()}", "no such host": "no-such-host.invalid:80",
        "a ZeroMQ socket": f"127.0.0.1:{hostile.read_port}",
    }[address]  # fmt: skip
    for command in (["show", "a"], ["tail"], ["events"]):
        result = Tool(hostile).run(*command, "--command-http-address", address, timeout=120)
        assert result.returncode == 69, result
        assert re.fullmatch(rf"daybook: cannot reach {address}: [a-zA-Z ]+\n", result.stderr), result


def test_an_account_that_cannot_be_read_is_told(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 1)
    daybook.gateway.open("b", 1)
    record_past_the_gateway(daybook, Write("account/a", None, [event("MoneyTeleported", b"{}")]))
    daybook.wait_until_caught_up()
    tool = Tool(daybook)
    result = tool.run("accounts")
    assert result.returncode == 0 and "left out, 1 in all" in result.stderr, result
    assert len(result.stdout.splitlines()) == 2 and "MoneyTeleported" not in result.stdout
    for command in (["show", "a"], ["statement", "a"], ["post", "a", "--deposit", "1"]):
        result = tool.run(*command)
        assert result.returncode == 69 and "answers 503" in result.stderr and result.stdout == "", result
    assert tool.run("show", "b").stderr == ""
    result = tool.run("status")
    assert result.returncode == 0 and "account/a cannot be read at position 3" in result.stdout, result


# ---- times


def test_at_takes_dates_and_times_ago(hostile):
    tool = Tool(hostile)
    now = datetime.now(UTC)
    later = now + timedelta(days=2)
    for text in ["now", later.strftime("%Y-%m-%d"), later.strftime("%Y-%m-%dT%H:%M"), later.strftime("%Y-%m-%d %H:%M:%S"),
                 later.strftime("%Y-%m-%dT%H:%M:%S+02:00"), later.isoformat()]:  # fmt: skip
        assert tool.json("show", "a", "--at", text)[0]["id"] == "a", text
        assert len(tool.json("accounts", "--at", text)) == 2, text
    opened = datetime.fromisoformat(hostile.gateway.account("a")["opened_at"])
    ago = int(time.time() - opened.timestamp()) + 60
    for text in [f"{ago}s ago", "90m ago", "1h ago", "2 h ago", "3d ago", "1w ago", "2000-01-01", "1999-12-31T23:59"]:
        result = tool.run("show", "a", "--at", text)
        assert result.returncode == 1 and "not yet open then" in result.stderr, (text, result)
        assert tool.json("accounts", "--at", text) == []
    for text in ["99999999999999999999d ago", "9223372036854775807w ago", "999999w ago", "-1h ago", "1 fortnight ago", "ago",
                 "2000-13-01", "tomorrow"]:  # fmt: skip
        result = tool.run("show", "a", f"--at={text}")
        assert result.returncode == 1 and "RFC 3339" in result.stderr, (text, result)


def test_a_time_before_the_opening_is_not_yet_open(hostile):
    for client in (hostile.queries, hostile.gateway):
        problem = assert_problem(client.get("/accounts/a?at=2020-01-01T00:00:00Z"), 404, "account-not-found")
        assert "not yet open then" in problem["detail"]
        problem = assert_problem(client.get("/accounts/nobody?at=2020-01-01T00:00:00Z"), 404, "account-not-found")
        assert "not yet open" not in problem["detail"]


# ---- what the README says


def typed(chapter):
    """The lines of a chapter's blocks that are typed, continued lines and what is fed to them included."""
    text = README.read_text().split(f"\n## {chapter}\n")[1].split("\n## ")[0]
    commands, rest = [], [line[4:] for line in text.splitlines() if line.startswith("    ")]
    while rest:
        command = rest.pop(0)
        while command.endswith("\\"):
            command = command[:-1] + rest.pop(0)
        if "<<'END'" in command:
            while not command.endswith("\nEND"):
                command += "\n" + rest.pop(0)
        if command.startswith(("curl ", "daybook ")):
            commands.append(command)
    return commands


def test_what_the_readme_says_works_when_typed(start_daybook):
    daybook = start_daybook()
    (daybook.directory / "bin").mkdir()
    (daybook.directory / "bin" / "daybook").symlink_to(PROGRAMS / "daybook")
    settings = environment(daybook.settings)
    settings["CURL_HOME"] = str(daybook.directory)
    settings["PATH"] = f"{daybook.directory / 'bin'}:{settings['PATH']}"

    def type_in(command, timeout=60):
        command = command.replace("127.0.0.1:8080", daybook.settings["COMMAND_HTTP_ADDRESS"])
        command = command.replace("sqlite:data/daybook.db", store.address(daybook.database))
        command = command.replace("http://", f"{secured.SCHEME}://")
        words = shlex.split(command, comments=True)
        url = next((word for word in words if "://" in word), "")
        curl_settings = secured.curl_settings("POST" if "POST" in words else "GET", url)
        (daybook.directory / ".curlrc").write_text(curl_settings)
        settings.update({name: str(value) for name, value in secured.settings_of_tool(words[1]).items()})
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False, timeout=timeout,
            cwd=daybook.directory, env=settings,
        )  # fmt: skip

    tried, accounts, history = typed("Try it"), typed("Accounts"), typed("History")
    assert len(tried) >= 9 and len(accounts) >= 20 and len(history) >= 18
    for command in tried:
        result = type_in(command)
        assert result.returncode == 0 and result.stdout.startswith(("{", "[")), (command, result)
    head = daybook.event_log.figures()["position"]
    pinned = ""
    for command in accounts + history:
        if "-N" in command or "--follow" in command:
            # It never ends by itself.
            result = type_in(f"timeout 5 {command}")
            assert result.returncode == 124 and result.stdout, (command, result)
            continue
        if command.startswith("daybook head"):
            result = type_in(command)
            pinned = result.stdout.strip()
        elif "--pinned" in command:
            result = type_in(re.sub("--pinned [^ ]+", f"--pinned {pinned}", command))
        else:
            result = type_in(command)
        assert result.returncode == 0, (command, result)
        if command.startswith("curl"):
            beginnings = "time," if "text/csv" in command else ("{", "[")
            assert result.stdout.startswith(beginnings) and "/problems/" not in result.stdout, (command, result)
    assert daybook.event_log.figures()["position"] >= head

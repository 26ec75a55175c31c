"""How settings are read: `.env` as python-dotenv reads it, `~`, endpoints and addresses, by the real programs."""

import io
import logging
import random
import socket
import subprocess

import dotenv
import pytest
import services
from dotenv.parser import parse_stream
from services import Daybook, Ports, environment
from test_up_and_down import needs_ipv6

DEFAULT = "sqlite:data/daybook.db"


def settings_in_effect(folder, program="event-log-service", **variables):
    """The exit status, the settings by name, and the errors."""
    done = subprocess.run(
        [services.PROGRAMS / program, "--print-settings"], cwd=folder, env=environment({}) | variables,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, dict(line.split("=", 1) for line in done.stdout.splitlines()), done.stderr


def by_python_dotenv(text):
    """The value of EVENT_STORE, and whether python-dotenv would pass over a line."""
    logging.disable(logging.WARNING)
    try:
        bindings = list(parse_stream(io.StringIO(text, newline=None)))
        values = dotenv.dotenv_values(stream=io.StringIO(text, newline=None), interpolate=False)
    finally:
        logging.disable(logging.NOTSET)
    is_passed_over = any(
        binding.error or (binding.key is not None and binding.value is None) for binding in bindings
    )
    return values.get("EVENT_STORE"), is_passed_over


@pytest.mark.parametrize(
    "text",
    [
        "EVENT_STORE=sqlite:a.db",
        "EVENT_STORE=sqlite:a.db\r\nLOG_LEVEL=info\r\n",
        "EVENT_STORE=sqlite:a.db\rLOG_LEVEL=info\r",
        "\ufeffEVENT_STORE=sqlite:a.db\n",
        "export EVENT_STORE=sqlite:a.db",
        "  export\tEVENT_STORE = sqlite:a.db  \n",
        "EVENT_STORE='sqlite:a b.db'",
        'EVENT_STORE="sqlite:a b.db" # c',
        'EVENT_STORE="sqlite:a\\"\\\\\\d.db"#c',
        "EVENT_STORE='sqlite:it\\'s.db'",
        "EVENT_STORE=sqlite:a.db # a comment",
        "EVENT_STORE=sqlite:a.db\u00a0\u2003# a comment",
        "EVENT_STORE=sqlite:a#b.db",
        "EVENT_STORE=sqlite:a='b'.db",
        "EVENT_STORE=sqlite:a.db\nEVENT_STORE=sqlite:b.db\n",
        "# a comment\n\n   # another\nEVENT_STORE=sqlite:a.db",
        "'EVENT_STORE'=sqlite:a.db",
        "EVENT_STORE=sqlite:$HOME.db",
        "OTHER='many\nlines'\nEVENT_STORE=sqlite:a.db",
        "EVENT_STORE=sqlite:ä.db",
    ],
)
def test_the_settings_file_is_read_as_python_dotenv_reads_it(tmp_path, text):
    (tmp_path / ".env").write_bytes(text.encode())
    expected, is_passed_over = by_python_dotenv(text)
    assert expected and not is_passed_over
    status, settings, errors = settings_in_effect(tmp_path)
    assert (status, settings.get("EVENT_STORE")) == (0, expected), errors


@pytest.mark.parametrize(
    "text, line",
    [
        ("LOG_LEVEL=info\nEVENT_STORE\n", 2), ("EVENT_STORE sqlite:a.db", 1), ("EVENT_STORE: sqlite:a.db", 1),
        ("EVENT_STORE='sqlite:a.db", 1), ('EVENT_STORE="sqlite:a.db" b', 1), ("=sqlite:a.db", 1),
        ("\r\n\r\nEVENT_STORE=sqlite:${HOME}/a.db", 3), ("export", 1), ("\rEVENT_STORE=", 2),
        ('EVENT_STORE="sqlite:a\\nb.db"', 1),
    ],
)  # fmt: skip
def test_a_line_that_would_not_count_is_refused_by_file_and_number(tmp_path, text, line):
    (tmp_path / ".env").write_bytes(text.encode())
    for program in ("event-log-service", "command-service", "query-service"):
        if "EVENT_STORE" in text and "=" in text and program != "event-log-service" and "${" not in text:
            # A value that is wrong for a setting that they do not have.
            continue
        status, _, errors = settings_in_effect(tmp_path, program)
        assert status == 64 and f".env, line {line}" in errors and len(errors.splitlines()) == 1, (program, errors)


def test_no_random_file_is_read_otherwise(tmp_path):
    generator = random.Random(10)
    pieces = [
        "EVENT_STORE", "EVENT_STORE=", "EVENT_STORE = ", "sqlite:", "a.db", "=", "#", " # c", " ", "\t", "\n", "\r\n",
        "\r", "'", '"', "\\", "\\n", "export ", "export", "$", "{", "LOG_LEVEL=info", "\u00a0", "\x1c", "\ufeff",
        "\x0b",
    ]  # fmt: skip
    read = 0
    for _ in range(400):
        text = "".join(generator.choice(pieces) for _ in range(generator.randrange(1, 12)))
        if generator.random() < 0.5:
            text = "EVENT_STORE=sqlite:" + text
        (tmp_path / ".env").write_bytes(text.encode())
        status, settings, errors = settings_in_effect(tmp_path)
        expected, is_passed_over = by_python_dotenv(text)
        if status == 0:
            assert not is_passed_over, repr(text)
            assert settings["EVENT_STORE"] == (DEFAULT if expected is None else expected), repr(text)
            read += 1
        else:
            assert status == 64 and len(errors.splitlines()) == 1, (text, errors)
    assert read >= 50, "the comparison was about something"


def test_the_tool_reads_the_file_as_the_services_do(tmp_path):
    (tmp_path / ".env").write_bytes(b"export EVENT_STORE='sqlite:elsewhere/ledger.db' # c\r\n")

    def verify():
        return subprocess.run(
            [services.PROGRAMS / "daybook", "verify"], cwd=tmp_path, env=environment({}), capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip

    done = verify()
    assert done.returncode != 0 and "elsewhere/ledger.db" in done.stderr, done.stderr
    (tmp_path / ".env").write_bytes(b"EVENT_STORE\r\n")
    done = verify()
    assert done.returncode == 64 and ".env, line 1" in done.stderr, done.stderr


def test_a_settings_file_may_be_named_and_must_then_be_there(tmp_path):
    file = tmp_path / "daybook.env"
    file.write_bytes(b"EVENT_STORE=sqlite:a.db\r\n")
    assert settings_in_effect("/", SETTINGS_FILE=str(file))[1]["EVENT_STORE"] == "sqlite:a.db"
    status, _, errors = settings_in_effect("/", SETTINGS_FILE=str(tmp_path / "missing"))
    assert status == 64 and "missing" in errors
    status, _, errors = settings_in_effect("/", SETTINGS_FILE=str(tmp_path))
    assert status == 64 and "regular file" in errors or "directory" in errors


def test_a_tilde_is_the_home_folder(tmp_path):
    with Daybook(start=False, EVENT_STORE="sqlite:~/ledger/daybook.db", QUERY_CHECKPOINTS="~/checkpoints") as daybook:
        for service in daybook.services:
            service.variables["HOME"] = str(tmp_path)
        daybook.start()
        daybook.gateway.open("acc-001", "10")
        assert (tmp_path / "ledger" / "daybook.db").exists() and (tmp_path / "checkpoints").is_dir()
        assert not (daybook.directory / "~").exists()


@pytest.mark.parametrize("host", ["localhost", pytest.param("[::1]", marks=needs_ipv6)])
def test_endpoints_and_addresses_of_the_loopback_may_have_any_of_its_names(host):
    with Daybook(start=False) as daybook:
        for name, value in list(daybook.settings.items()):
            if "127.0.0.1" in value:
                daybook.settings[name] = value.replace("127.0.0.1", host)
        processes = [
            subprocess.Popen(
                [services.PROGRAMS / service.program], cwd=daybook.directory, env=environment(daybook.settings),
                stdout=subprocess.DEVNULL,
            ) for service in daybook.services
        ]  # fmt: skip
        try:
            at = daybook.settings["COMMAND_HTTP_ADDRESS"]

            def tool(*arguments):
                return subprocess.run(
                    [services.PROGRAMS / "daybook", *arguments], cwd=daybook.directory, capture_output=True, text=True,
                    env=environment(daybook.settings), timeout=60, check=False,
                )  # fmt: skip

            services.wait_until(lambda: tool("status").returncode == 0, f"the services are ready at {at}", 60)
            opened = subprocess.run(
                ["curl", "-sS", "--noproxy", "*", f"http://{at}/accounts/acc-001",
                 "-H", "Content-Type: application/json",
                 "-d", '{"type": "OpenAccount", "owner": "Alice", "initial_balance": 10}'],
                capture_output=True, text=True, timeout=60, check=True,
            )  # fmt: skip
            assert '"balance":10.00' in opened.stdout, opened.stdout
            shown = tool("show", "acc-001", "--json")
            assert shown.returncode == 0 and "10.00" in shown.stdout, shown.stderr
            assert tool("head").stdout.startswith("1:")
        finally:
            for process in processes:
                process.kill()
                process.wait()


@pytest.mark.parametrize(
    "program, name, value, words",
    [
        ("event-log-service", "EVENT_LOG_APPEND_ENDPOINT", "tcp://log.example:1", "not at a host name"),
        ("event-log-service", "EVENT_LOG_APPEND_ENDPOINT", "tcp://[::1:1", "an IPv6 address in brackets"),
        ("command-service", "EVENT_LOG_APPEND_ENDPOINT", "tcp://*:1", "an address to connect to"),
        ("command-service", "COMMAND_HTTP_ADDRESS", "http://localhost:8080", "without a scheme such as http://"),
        ("query-service", "QUERY_CHECKPOINTS", "~somebody/x", "only ~/ is understood"),
        ("event-log-service", "EVENT_STORE", "sqlite:a\x1b[2J", "no control characters"),
    ],
)
def test_what_cannot_work_is_refused_plainly(tmp_path, program, name, value, words):
    status, _, errors = settings_in_effect(tmp_path, program, **{name: value})
    assert status == 64 and name in errors and words in errors and "\x1b" not in errors, errors


def test_the_event_log_listens_at_a_wildcard_and_at_an_interface(tmp_path):
    for host in ("*", "0.0.0.0", "lo"):
        port = Ports.take()
        settings = {"EVENT_LOG_READ_ENDPOINT": f"tcp://{host}:{port}", "ALLOW_INSECURE": "yes"}
        with Daybook(start=False, **settings) as daybook:
            daybook.event_log.start()
            socket.create_connection(("127.0.0.1", port)).close()

"""`daybook token`, and what `daybook` shows to services: no service runs here but one that is made up."""

import hashlib
import json
import os
import re
import ssl
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from certificates import Authority
from daybook_tool import Tool

pytestmark = pytest.mark.open_only("it has secrets of its own, in one form of the harness as in the other")

TOKEN = re.compile(r"dbk_[A-Za-z0-9_-]{43}")


@pytest.fixture
def tool(start_daybook):
    return Tool(start_daybook(start=False))


@pytest.fixture
def tokens(tool):
    return tool.daybook.directory / "secure" / "tokens.jsonl"


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def new(tool, path, name, *arguments, role="teller", **options):
    return tool.run("token", "new", name, "--role", role, "--tokens", path, *arguments, **options)


# ---- new


def test_a_token_is_printed_once_and_only_its_digest_is_kept(tool, tokens):
    result = new(tool, tokens, "till-3", "--accounts", "till-3-*", "--expires", "90d")
    assert result.returncode == 0, result
    token = result.stdout.strip()
    assert TOKEN.fullmatch(token)
    assert token not in result.stderr
    (entry,) = lines(tokens)
    expires = datetime.fromisoformat(entry.pop("expires"))
    assert abs(expires - datetime.now(timezone.utc) - timedelta(days=90)) < timedelta(minutes=10)
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert entry == {"name": "till-3", "role": "teller", "sha256": digest, "accounts": "till-3-*"}
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o600
    assert stat.S_IMODE(tokens.parent.stat().st_mode) == 0o700
    # Another one is another one.
    assert new(tool, tokens, "till-4").stdout.strip() != token


def test_as_json_and_in_the_file_that_the_settings_name(tool, tokens):
    (made,) = tool.json("token", "new", "ops", "--role", "operator", settings={"ACCESS_TOKENS": tokens})
    assert TOKEN.fullmatch(made.pop("token"))
    assert made == {"name": "ops", "role": "operator", "accounts": "*", "expires": None}
    (tool.daybook.directory / ".env").write_text(f"ACCESS_TOKENS={tokens}\n")
    assert [entry["name"] for entry in tool.json("token", "list")] == ["ops"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("", "--role", "teller"), ("a b", "--role", "teller"), ("ä", "--role", "teller"),
        ("n" * 129, "--role", "teller"), ("a",), ("a", "--role", "admin"), ("a", "--role", "Teller"),
        ("a", "--role", "teller", "--accounts", ""), ("a", "--role", "teller", "--accounts", "a*b"),
        ("a", "--role", "teller", "--expires", "90"), ("a", "--role", "teller", "--expires", "0d"),
        ("a", "--role", "teller", "--expires", "+1d"), ("a", "--role", "teller", "--expires", "-1d"),
        ("a", "--role", "teller", "--expires", "9223372036854775807w"),
        ("a", "--role", "teller", "--expires", "99999999999d"),
        ("a", "--role", "teller", "--expires", "2020-01-01T00:00:00Z"), ("a", "--role", "teller", "--expires", ""),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_and_nothing_is_made(tool, tokens, arguments):
    result = tool.run("token", "new", *arguments, "--tokens", tokens)
    assert result.returncode == 64, result
    assert not TOKEN.search(result.stdout)
    assert not tokens.exists()


def test_without_a_file_there_is_no_token(tool):
    result = tool.run("token", "new", "a", "--role", "teller")
    assert result.returncode == 64 and "--tokens" in result.stderr and not TOKEN.search(result.stdout)


def test_a_name_is_given_once(tool, tokens):
    assert new(tool, tokens, "a").returncode == 0
    before = tokens.read_bytes()
    result = new(tool, tokens, "a", role="manager")
    assert result.returncode == 1 and "a" in result.stderr and result.stdout == ""
    assert tokens.read_bytes() == before


def test_many_at_once_lose_nothing(tool, tokens):
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: new(tool, tokens, f"t{number}"), range(24)))
        assert all(result.returncode == 0 for result in results), results
        kept = {entry["name"]: entry["sha256"] for entry in lines(tokens)}
        made = {
            f"t{number}": hashlib.sha256(result.stdout.strip().encode()).hexdigest()
            for number, result in enumerate(results)
        }
        assert kept == made

        def change(number):
            if number % 2:
                return tool.run("token", "revoke", f"t{number}", "--tokens", tokens)
            return new(tool, tokens, f"n{number}")

        assert all(result.returncode == 0 for result in pool.map(change, range(24)))
    expected = {f"t{number}" for number in range(0, 24, 2)} | {f"n{number}" for number in range(0, 24, 2)}
    assert {entry["name"] for entry in lines(tokens)} == expected
    # Nothing but the file is left.
    assert [path.name for path in tokens.parent.iterdir()] == [tokens.name]


# ---- list, revoke


def test_the_list_shows_who_may_do_what_and_until_when(tool, tokens):
    new(tool, tokens, "till-3", "--accounts", "till-3-*", "--expires", "2999-01-02T03:04:05Z")
    new(tool, tokens, "ops", role="operator")
    with tokens.open("a") as file:
        file.write('\n{"name":"old","role":"reader","sha256":"%s","expires":"2020-01-01T00:00:00Z"}\n' % ("0a" * 32))
    result = tool.run("token", "list", "--tokens", tokens)
    assert result.returncode == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows == [
        ["NAME", "ROLE", "ACCOUNTS", "EXPIRES"],
        ["till-3", "teller", "till-3-*", "2999-01-02T03:04:05.000000Z"],
        ["ops", "operator", "*", "never"],
        ["old", "reader", "*", "2020-01-01T00:00:00.000000Z,", "expired"],
    ]
    listed = tool.json("token", "list", "--tokens", tokens)
    assert [(entry["name"], entry["expired"]) for entry in listed] == [("till-3", False), ("ops", False), ("old", True)]
    assert all(set(entry) == {"name", "role", "accounts", "expires", "expired"} for entry in listed)


def test_revoking_leaves_all_other_lines_as_they_are(tool, tokens):
    new(tool, tokens, "a")
    digest = "0b" * 32
    odd = f'  {{ "sha256" : "{digest}", "role":"reader" ,"name":"odd"}}\r'
    with tokens.open("a", newline="") as file:
        file.write(f"\n{odd}\n")
    new(tool, tokens, "b")
    before = tokens.read_bytes().split(b"\n")
    result = tool.run("token", "revoke", "a", "--tokens", tokens)
    assert result.returncode == 0 and "a" in result.stdout
    assert tokens.read_bytes().split(b"\n") == before[1:]
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o600
    result = tool.run("token", "revoke", "a", "--tokens", tokens)
    assert result.returncode == 1 and result.stdout == ""
    assert tool.run("token", "revoke", "odd", "--tokens", tokens).returncode == 0
    assert [entry["name"] for entry in lines(tokens)] == ["b"]


def test_a_last_line_without_its_end_is_ended(tool, tokens):
    new(tool, tokens, "a")
    tokens.write_bytes(tokens.read_bytes().rstrip(b"\n"))
    assert new(tool, tokens, "b").returncode == 0
    assert [entry["name"] for entry in lines(tokens)] == ["a", "b"]


COMMANDS = [("new", "x", "--role", "teller"), ("list",), ("revoke", "a")]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_file_that_others_may_use_is_broken_or_a_link_is_refused_and_not_touched(tool, tokens, command):
    new(tool, tokens, "a")
    good = tokens.read_bytes()

    def refused(code, part):
        before = tokens.read_bytes()
        result = tool.run("token", *command, "--tokens", tokens)
        assert (result.returncode, result.stdout) == (code, ""), result
        assert part in result.stderr and len(result.stderr.splitlines()) == 1
        assert tokens.read_bytes() == before

    for mode in (0o644, 0o640, 0o602):
        tokens.chmod(mode)
        refused(66, "chmod 600")
    tokens.chmod(0o600)
    tokens.write_bytes(good + b'{"name":"b"}\n')
    refused(65, "line 2")
    tokens.write_bytes(good)
    elsewhere = tokens.with_name("elsewhere")
    tokens.rename(elsewhere)
    tokens.symlink_to(elsewhere)
    refused(66, "symbolic link")


def test_no_file_is_no_list(tool, tokens):
    for command in (("list",), ("revoke", "a")):
        result = tool.run("token", *command, "--tokens", tokens)
        assert result.returncode == 66 and str(tokens) in result.stderr
    assert not tokens.exists()


# ---- what daybook shows to services


class MadeUp:
    """A service without accounts, which notes what it is shown."""

    def __init__(self, status=200, context=None):
        self.shown = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.shown.append(self.headers.get_all("Authorization"))
                body = b"[]" if status == 200 else b'{"detail":"this needs a token"}'
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def secret(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_token_of_a_file_or_of_the_environment_is_shown(tool):
    file = secret(tool.daybook.directory / "token", "dbk_from-file\n")
    with MadeUp() as service:
        settings = {"COMMAND_HTTP_ADDRESS": service.address}
        environment = {"DAYBOOK_TOKEN_FILE": file, "DAYBOOK_TOKEN": "dbk_from-environment"}
        for more in ({}, {"DAYBOOK_TOKEN_FILE": file}, environment):
            result = tool.run("accounts", "--json", settings=settings | more)
            assert result.returncode == 0, result
        assert service.shown == [None, ["Bearer dbk_from-file"], ["Bearer dbk_from-environment"]]


@pytest.mark.parametrize("text", ["", "\n", "a b", "a\nb", "ä", "a\u0000b", "x" * 9000])
def test_a_file_that_holds_no_token_is_a_wrong_setting_that_is_not_repeated(tool, text):
    file = secret(tool.daybook.directory / "token", text)
    result = tool.run("accounts", settings={"DAYBOOK_TOKEN_FILE": file})
    assert result.returncode == 64, result
    assert len(result.stderr.splitlines()) == 1 and len(result.stderr) < 1000


def test_a_token_that_others_may_read_is_refused_and_one_is_never_sent_in_the_open(tool):
    file = secret(tool.daybook.directory / "token", "dbk_secret", mode=0o644)
    result = tool.run("accounts", settings={"DAYBOOK_TOKEN_FILE": file})
    assert result.returncode == 64 and "chmod 600" in result.stderr and "dbk_secret" not in result.stderr
    file.chmod(0o600)
    for address in ("192.0.2.1:8080", "127.example:8080", "bank.example:8080"):
        settings = {"DAYBOOK_TOKEN_FILE": file, "COMMAND_HTTP_ADDRESS": address}
        result = tool.run("accounts", settings=settings)
        assert result.returncode == 64 and "TLS" in result.stderr, result


def test_who_shows_no_token_is_told_how(tool):
    with MadeUp(status=401) as service:
        result = tool.run("accounts", settings={"COMMAND_HTTP_ADDRESS": service.address})
    assert result.returncode == 1 and "DAYBOOK_TOKEN_FILE" in result.stderr


def test_services_are_trusted_by_an_authority_and_shown_a_certificate(tool, tmp_path):
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.issue_server(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    mine, my_key = authority.issue_client(tmp_path, "till-3")
    os.chmod(my_key, 0o600)
    token = secret(tmp_path / "token", "dbk_secret")
    with MadeUp(context=context) as service:
        settings = {"COMMAND_HTTP_ADDRESS": service.address, "DAYBOOK_TOKEN_FILE": token}
        pair = {"DAYBOOK_CERTIFICATE": mine, "DAYBOOK_PRIVATE_KEY": my_key}
        result = tool.run("accounts", "--json", "--ca", authority.certificate, settings=settings | pair)
        assert result.returncode == 0, result
        assert service.shown == [["Bearer dbk_secret"]]
        for more in (pair, {"DAYBOOK_CA": authority.certificate}):
            result = tool.run("accounts", settings=settings | more)
            assert result.returncode == 69 and "dbk_" not in result.stderr, result
        # Somebody else's authority.
        other = Authority(tmp_path / "other").certificate
        result = tool.run("accounts", "--ca", other, settings=settings | pair)
        assert result.returncode == 69, result
        assert service.shown == [["Bearer dbk_secret"]]
        my_key.chmod(0o644)
        result = tool.run("accounts", "--ca", authority.certificate, settings=settings | pair)
        assert result.returncode == 64 and "chmod 600" in result.stderr
        half = {"DAYBOOK_CERTIFICATE": mine}
        assert tool.run("accounts", "--ca", authority.certificate, settings=settings | half).returncode == 64
        assert tool.run("accounts", "--ca", token, settings=settings).returncode == 64

"""`daybook import` of files that are broken, endless or hostile: an account is taken whole or not at all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from daybook_tool import Tool
from services import PROGRAMS, environment

# A line longer than this is refused, and nothing that is read takes more memory than some of these.
MAX_LINE = 1 << 20
MAX_MEMORY_KIB = 200 << 10


@pytest.fixture(scope="module")
def tool(daybook):
    return Tool(daybook)


def opening(account):
    return {"account": account, "type": "AccountOpened", "owner": "A", "initial_balance": 5.0}


def deposit(account, amount=1.0):
    return {"account": account, "type": "MoneyDeposited", "amount": amount}


def text(*lines):
    return b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)


# Lines of which nobody can tell whose they are, or whose alone.
ANYBODYS = {
    "NaN": b'{"account":"ACCOUNT","type":"MoneyDeposited","amount":NaN}\n',
    "a cut line": b'{"account":"ACCOUNT","type":"MoneyDepo\n',
    "two lines in one": b'{"account":"ACCOUNT","type":"MoneyDeposited","amount":1.0}{"account":"OTHER","type":"MoneyDeposited","amount":1.0}\n',
    "bytes that are not UTF-8": b'{"account":"ACCOUNT","type":"MoneyDeposited","amount":1.0,"note":"\xff\xfe"}\n',
    "half a surrogate pair": b'{"account":"ACCOUNT","type":"MoneyDeposited","amount":1.0,"note":"\\ud800"}\n',
    "too deep": b'{"account":"ACCOUNT","type":"MoneyDeposited","amount":' + b"[" * 100 + b"]" * 100 + b"}\n",
    "a byte order mark": b'\xef\xbb\xbf{"account":"ACCOUNT","type":"MoneyDeposited","amount":1.0}\n',
    "no object": b"[]\n",
    "no account": b'{"type":"MoneyDeposited","amount":1.0}\n',
    "two accounts": b'{"account":"ACCOUNT","account":"OTHER","type":"MoneyDeposited","amount":1.0}\n',
    "an account that is no text": b'{"account":17,"type":"MoneyDeposited","amount":1.0}\n',
    "an account that cannot be": b'{"account":"ACCOUNT ","type":"MoneyDeposited","amount":1.0}\n',
    "a NUL": b'\x00{"account":"ACCOUNT","type":"MoneyDeposited","amount":1.0}\n',
}


@pytest.mark.parametrize("name", ANYBODYS)
def test_a_line_that_may_be_anybodys_rules_out_the_file_and_the_mended_file_is_taken(daybook, tool, name):
    number = list(ANYBODYS).index(name)
    account, other = f"any-{number}", f"other-{number}"
    broken = ANYBODYS[name].replace(b"ACCOUNT", account.encode()).replace(b"OTHER", other.encode())
    before, after = (opening(account), opening(other), deposit(account)), (deposit(account, 2.0), deposit(other))
    file = daybook.directory / f"anybody-{number}.ndjson"
    file.write_bytes(text(*before, broken, *after))
    head = daybook.event_log.figures()["position"]
    result = tool.run("import", file)
    assert result.returncode == 65 and "line 4: " in result.stderr and "nothing of the file" in result.stderr, result
    assert "0 recorded" in result.stdout and "2 accounts ruled out" in result.stdout, result
    assert daybook.event_log.figures()["position"] == head, "a part of the file was taken"
    file.write_bytes(text(*before, deposit(account, 3.0), *after))
    (report,) = tool.json("import", file)
    assert (report["recorded"], report["accounts_ruled_out"]) == (6, 0)
    daybook.wait_until_caught_up()
    assert (daybook.gateway.account(account)["balance"], daybook.gateway.account(other)["balance"]) == (11, 6)


@pytest.mark.parametrize(
    "name, broken",
    [
        ("a fraction of a cent", {"type": "MoneyDeposited", "amount": 1.005}),
        ("no type", {"amount": 1.0}),
        ("a type that is no text", {"type": 1, "amount": 1.0}),
        ("more than there is", {"type": "MoneyWithdrawn", "amount": 99.0}),
        ("an owner without end", {"type": "AccountOpened", "owner": "x" * 257, "initial_balance": 1}),
        ("a member twice", b'{"account":"ACCOUNT","type":"MoneyDeposited","amount":1.0,"amount":2.0}\n'),
    ],
)
def test_a_line_that_is_known_to_be_an_accounts_rules_out_that_account_alone(daybook, tool, name, broken):
    account, other = (f"{who}-{name.replace(' ', '-')}" for who in ("mine", "yours"))
    if isinstance(broken, bytes):
        line = broken.replace(b"ACCOUNT", account.encode())
    else:
        line = {"account": account} | broken
    first = () if name == "an owner without end" else (opening(account),)
    result = tool.run("import", "-", input=text(*first, opening(other), line, deposit(other)).decode())
    assert result.returncode == 65 and f"line {len(first) + 2}: " in result.stderr, result
    daybook.wait_until_caught_up()
    assert daybook.gateway.get(f"/accounts/{account}").status == 404
    assert daybook.gateway.account(other)["balance"] == 6


def test_a_file_may_end_without_a_line_feed_and_have_those_of_windows(daybook, tool):
    lines = text(opening("ends"), deposit("ends")).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    (daybook.directory / "ends.ndjson").write_bytes(lines)
    (report,) = tool.json("import", "ends.ndjson")
    assert report["recorded"] == 2


# ---- without end


# Runs a program from a small process: Linux counts what the process that started it had as the program's own.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(daybook, *arguments, **options):
    """Runs the tool and gives its exit code, its output and its errors, and the most memory that it had, in KiB."""
    output, errors, memory = (daybook.directory / name for name in ("output", "errors", "memory"))
    with open(output, "wb") as out, open(errors, "wb") as err:
        code = subprocess.run(
            [sys.executable, "-c", MEASURE, memory, PROGRAMS / "daybook", *arguments], stdout=out, stderr=err,
            cwd=daybook.directory, env=environment(daybook.settings), **options,
        ).returncode  # fmt: skip
    return code, output.read_text(), errors.read_text(), int(memory.read_text())


def test_a_file_of_zeros_without_end_is_refused_in_bounded_memory(daybook):
    code, output, errors, memory = run(daybook, "import", "/dev/zero")
    assert (code, output) == (65, "") and "line 1 of /dev/zero has more than 1048576 bytes" in errors, errors
    assert memory < MAX_MEMORY_KIB


def test_a_line_with_an_owner_of_hundreds_of_megabytes_is_refused_in_bounded_memory(daybook):
    file = daybook.directory / "long.ndjson"
    with open(file, "wb") as long:
        long.write(text(opening("before")) + b'{"account":"long","type":"AccountOpened","owner":"')
        # A hole in the file reads as zeros, and takes no place.
        long.seek(300 << 20)
        long.write(b'","initial_balance":1}\n')
    code, output, errors, memory = run(daybook, "import", file)
    assert (code, output) == (65, "") and "line 2 of " in errors and "nothing was imported" in errors, errors
    assert memory < MAX_MEMORY_KIB
    assert daybook.gateway.get("/accounts/before").status == 404


@pytest.mark.parametrize("length, code", [(MAX_LINE, 0), (MAX_LINE + 1, 65)])
def test_the_longest_line_that_is_taken(daybook, tool, length, code):
    line = json.dumps(opening(f"length-{length}")).encode()
    (daybook.directory / "length.ndjson").write_bytes(line.ljust(length) + b"\n")
    assert tool.run("import", "--dry-run", "length.ndjson").returncode == code


def test_a_file_of_broken_lines_is_given_up(daybook):
    file = daybook.directory / "broken.ndjson"
    file.write_bytes(b'{"account":"\\u001b[31m","type":1}\n' * 100_000)
    code, output, errors, memory = run(daybook, "import", file)
    assert (code, output) == (65, "") and "more than 1000 lines are broken" in errors
    assert len(errors.splitlines()) == 1001 and "\x1b" not in errors
    assert memory < MAX_MEMORY_KIB


def test_what_is_no_file_cannot_be_read(daybook):
    for path in (daybook.directory, Path("/no/such/file")):
        code, output, errors, _ = run(daybook, "import", str(path))
        assert (code, output) == (66, "") and str(path) in errors, errors

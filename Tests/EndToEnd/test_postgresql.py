"""PostgreSQL as the store, set up as the README says, and the errors if it does not suit."""

import re
import subprocess
import time
from pathlib import Path

import pytest

import postgresql
import store
from services import PATIENT, Daybook, wait_until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server():
    """A server of its own: roles are the whole server's."""
    with postgresql.Server() as server:
        yield server


@pytest.fixture
def daybook_on():
    """Makes services on an EVENT_STORE, not started."""
    made = []

    def make(url, **settings):
        made.append(Daybook(start=False, EVENT_STORE=url, **PATIENT | settings))
        return made[-1]

    yield make
    for daybook in made:
        daybook.close()


def readme_section(title):
    text = (ROOT / "README.md").read_text()
    return re.search(rf"^## {title}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]


def psql(*arguments, input=None):
    return subprocess.run(
        [postgresql.programs() / "psql", "-X", "-v", "ON_ERROR_STOP=1", *arguments],
        input=input, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False,
    )  # fmt: skip


class ReadmeSteps:
    """Types what stands in the README's section, on this server instead of the machine's own."""

    def __init__(self, server):
        self.section = readme_section("Stores")
        self.at = f"@127.0.0.1:{server.port}/"
        self.administrator = ["-h", str(server.folder), "-p", str(server.port), "-U", postgresql.OWNER, "postgres"]

    def url(self, role):
        (url,) = set(re.findall(rf"postgresql://{role}:[^'@]*@127\.0\.0\.1/daybook", self.section))
        return url.replace("@127.0.0.1/", self.at)

    def set_up(self):
        (typed,) = re.findall(r"sudo -u postgres psql <<'END'\n(.*?)\n    END\n", self.section, re.DOTALL)
        result = psql(*self.administrator, input=typed)
        assert result.returncode == 0, result

    def grant(self):
        (typed,) = re.findall(r"daybook_owner:[^']*' \\\n +(-v .*?)\n", self.section)
        result = psql(self.url("daybook_owner"), *typed.split())
        assert result.returncode == 0 and "GRANT" in result.stdout, result

    def ask(self, number):
        question = re.findall(r"daybook=> (.*)", self.section)[number]
        result = psql(self.url("daybook_reader"), "-At", "-c", question)
        assert result.returncode == 0, result
        return result.stdout.splitlines()


def test_what_the_readme_says_of_stores_works_as_it_is_typed(server, daybook_on):
    steps = ReadmeSteps(server)
    steps.set_up()
    daybook = daybook_on(steps.url("daybook_owner"))
    daybook.start()
    daybook.gateway.open("acc-001", "1000.00")
    steps.grant()
    assert [service.stop() for service in reversed(daybook.services)] == [0, 0, 0]

    daybook = daybook_on(steps.url("daybook_log"), COMMAND_SNAPSHOT_EVENTS=2)
    daybook.start()
    headers = {"Idempotency-Key": "payment-17"}
    assert daybook.gateway.post("acc-001", {"type": "Deposit", "amount": 500}, headers=headers).status == 200
    refused = {"type": "Withdraw", "amount": 5000}
    assert daybook.gateway.post("acc-001", refused, headers={"Idempotency-Key": "too-much"}).status == 400
    assert daybook.gateway.withdraw("acc-001", 200).status == 200
    database = postgresql.Database(server, "daybook")
    wait_until(lambda: store.snapshots(database), "a snapshot is kept", 60)

    assert steps.ask(0) == [
        "1|account/acc-001|AccountOpened|", "2|account/acc-001|MoneyDeposited|500.00", "3|account/acc-001|MoneyWithdrawn|200.00",
    ]  # fmt: skip
    assert sorted(steps.ask(1)) == ["AccountOpened|1|", "MoneyDeposited|1|500.00", "MoneyWithdrawn|1|200.00"]
    # A key that is a digest may have a line break.
    assert sum(line.startswith("account/acc-001|") for line in steps.ask(2)) == 2
    log_id, records = store.read(database)
    store.check_chain(log_id, records)

    # And no more than that.
    for role, statement in [
        ("daybook_log", "UPDATE daybook.records SET data = '' WHERE position = 1"),
        ("daybook_log", "DELETE FROM daybook.records"), ("daybook_log", "TRUNCATE daybook.records"),
        ("daybook_log", "DELETE FROM daybook.refusals"), ("daybook_log", "UPDATE daybook.log SET id = id"),
        ("daybook_log", "DROP TABLE daybook.records"), ("daybook_log", "CREATE TABLE daybook.more ()"),
        ("daybook_reader", "SELECT * FROM daybook.records"), ("daybook_reader", "SELECT * FROM daybook.snapshots"),
        ("daybook_reader", "SELECT * FROM daybook.writer"), ("daybook_reader", "DELETE FROM daybook.events"),
    ]:  # fmt: skip
        result = psql(steps.url(role), "-c", statement)
        assert result.returncode != 0 and ("permission denied" in result.stderr or "must be owner" in result.stderr), result

    # A password is in no output.
    for service in daybook.services:
        assert "choose-another" not in service.output, service.output


def test_a_log_that_may_not_make_its_schema_says_what_to_do(server, daybook_on):
    server.run("CREATE ROLE nobody_here LOGIN PASSWORD 'secret-word'")
    database = server.create_database()
    daybook = daybook_on(f"postgresql://nobody_here:secret-word@127.0.0.1:{server.port}/{database.name}")
    line = failure_of(daybook.event_log)
    assert "may not make the schema daybook" in line and database.place in line, line
    assert "secret-word" not in daybook.event_log.output


def failure_of(service):
    """Starts a service that must not start, and gives the one line that says why."""
    service.start(wait=False)
    assert service.wait_for_end() in (1, 64), service.output
    (line,) = [line for line in service.output.splitlines() if line.startswith(f"{service.program}: ")]
    return line


def test_a_schema_of_somebody_else_is_left_alone(server, daybook_on):
    database = server.create_database()
    database.run("CREATE SCHEMA daybook")
    database.run("CREATE TABLE daybook.mine (a int)")
    line = failure_of(daybook_on(database.url).event_log)
    assert "EVENT_STORE" in line and "daybook" in line and database.place in line, line
    assert postgresql.PASSWORD not in line
    assert database.run("SELECT relname FROM pg_class WHERE relnamespace = 'daybook'::regnamespace") == [("mine",)]


def test_a_schema_of_a_newer_version_is_refused(server, daybook_on):
    database = server.create_database()
    daybook = daybook_on(database.url)
    daybook.event_log.start()
    assert daybook.event_log.stop() == 0
    database.run("UPDATE daybook.log SET schema_version = 1000")
    line = failure_of(daybook.event_log)
    assert "version 1000" in line and "newer" in line, line


def test_a_server_that_does_not_flush_is_refused(daybook_on):
    with postgresql.Server(fsync="off") as server:
        line = failure_of(daybook_on(server.create_database().url).event_log)
        assert "fsync = off" in line, line


@pytest.mark.parametrize("setting", ["synchronous_commit = off", "search_path = pg_temp", "default_transaction_isolation = serializable",
                                     "client_min_messages = error", "statement_timeout = 100", "idle_session_timeout = 500"])  # fmt: skip
def test_what_a_database_is_set_to_changes_nothing(server, daybook_on, setting):
    database = server.create_database()
    database.run(f'ALTER DATABASE "{database.name}" SET {setting}')
    daybook = daybook_on(database.url)
    daybook.start()
    daybook.gateway.open("a", 0)
    # Long enough for the timeout of an idle session.
    time.sleep(0.8)
    assert daybook.gateway.deposit("a", 1).status == 200
    log_id, records = store.read(database)
    store.check_chain(log_id, records)
    assert len(records) == 2

"""`daybook copy`: a log that moves between stores is the same log; and the other commands on a log in a database."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "Faults"))

import postgresql
import store
from commands import deposit, keyed, transfer, withdraw
from daybook_tool import Tool
from load import Load
from proxy import Proxy
from services import PATIENT, PROGRAMS, Daybook, environment, freeze, wait_until

ROOT = Path(__file__).resolve().parents[2]
# The events after which there is a snapshot.
SNAPSHOT_EVENTS = "3"


@pytest.fixture
def database():
    """A database without a log."""
    database = postgresql.shared().create_database()
    yield database
    database.drop()


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    """Makes services on a place of `store`, not started; they end with the module."""
    made = []
    # Who signs snapshots with another key believes none of these.
    key = tmp_path_factory.mktemp("keys") / "snapshot.key"

    def make(place=None):
        settings = PATIENT | {"COMMAND_SNAPSHOT_EVENTS": SNAPSHOT_EVENTS, "SNAPSHOT_KEY": str(key)}
        if store.is_database(place):
            made.append(Daybook(start=False, database=place, **settings))
        elif place:
            made.append(Daybook(start=False, EVENT_STORE=f"sqlite:{place}", **settings))
        else:
            daybook = Daybook(start=False, EVENT_STORE="sqlite:data/daybook.db", **settings)
            daybook.database = daybook.directory / "data" / "daybook.db"
            made.append(daybook)
        made[-1].gateway.catches_up = made[-1].queries.catches_up = True
        return made[-1]

    yield make
    for daybook in made:
        daybook.close()


# What is done under keys: by account, command and key. The last two are refused.
KEYED = [
    ("a", deposit("5.00"), "deposit"),
    ("a", transfer("b", "30.00"), "transfer"),
    ("b", transfer("a", "7.00", reference="back"), "another-transfer"),
    ("c", deposit("1.23", reference="r"), "deposit"),
    ("a", withdraw("5000.00"), "refused"),
    ("b", transfer("c", "4000.00"), "refused-transfer"),
]


def obey(daybook):
    """Has every command of `KEYED` obeyed or refused; gives the answers."""
    return [daybook.gateway.post(account, command, headers=keyed(key)) for account, command, key in KEYED]


def assert_replayed(daybook, answers):
    """Whoever repeats a command under its key gets the answer that it got where the log was before."""
    for first, again in zip(answers, obey(daybook), strict=True):
        assert again.headers["Idempotent-Replayed"] == "true", again
        assert (again.status, again.body) == (first.status, first.body)


def stop(daybook):
    for service in reversed(daybook.services):
        if service.is_running:
            assert service.stop() == 0


class Written:
    """A log with single appends and those to several streams, keys, refusals and snapshots; its services are stopped."""

    def __init__(self, daybook):
        self.tool = Tool(daybook)
        self.place = daybook.database
        daybook.start()
        for account in "abc":
            daybook.gateway.open(account, "100.00", owner="Ünal \u20ac")
        self.answers = obey(daybook)
        assert [answer.status for answer in self.answers] == [200] * 4 + [400] * 2
        for cents in range(10, 80):
            assert daybook.gateway.deposit("abc"[cents % 3], f"0.{cents}").status == 200
        wait_until(lambda: len(store.snapshots(self.place)) >= 9, "snapshots are kept")
        stop(daybook)
        self.log = store.read(self.place)

    @property
    def head(self):
        return len(self.log[1])


@pytest.fixture(scope="module")
def written(services):
    return Written(services())


@pytest.fixture(scope="module")
def long(services):
    """A log that takes a while to be copied."""
    daybook = services()
    daybook.start()
    lines = [
        {"account": f"long-{number}", "type": "AccountOpened", "owner": "A", "initial_balance": 5.0}
        if count == 0 else {"account": f"long-{number}", "type": "MoneyDeposited", "amount": 1.0}
        for number in range(40) for count in range(600)
    ]  # fmt: skip
    result = Tool(daybook).run("import", "-", input="".join(json.dumps(line) + "\n" for line in lines), timeout=300)
    assert result.returncode == 0, result
    daybook.gateway.open("a", 10)
    assert daybook.gateway.post("a", withdraw(50), headers=keyed("refused-at-the-head")).status == 400
    stop(daybook)
    return daybook


def address(place):
    return store.address(place)


@pytest.fixture
def at_a_slow_server(database):
    """The same database, of whose bytes so few pass at a time that a copy of the long log takes many seconds: it can be met
    in its middle."""
    link = Proxy(database.port)
    link.trickle(4000)
    yield postgresql.Database(database.server, database.name, link.port)
    link.close()


def copy(tool, source, destination, **options):
    (report,) = tool.json("copy", address(source), address(destination), timeout=300, **options)
    return report


def decided(place):
    """What is kept under keys, without what depends on where it is kept."""
    return sorted(store.keys(place), key=lambda kept: (kept.position, kept.stream, kept.key))


def assert_same(source, destination):
    assert store.read(destination) == store.read(source)
    assert decided(destination) == decided(source)
    # Those that a service has replaced since stay in a copy that was made before.
    assert store.snapshots(source).items() <= store.snapshots(destination).items()


# ---- there and back


def test_a_log_moves_to_postgresql_and_back_and_clients_notice_nothing(written, services, database, tmp_path):
    tool = written.tool
    old = tmp_path / "old.db"
    shutil.copy(written.place, old)
    report = copy(tool, old, database)
    assert (report["position"], report["copied"], report["rest"]) == (written.head, written.head, 0)
    assert report["hash"] == written.log[1][-1].hash.hex()
    assert_same(old, database)
    assert database.run("SELECT count(*) FROM daybook.records WHERE command_key IS NOT NULL") == [(4,)]

    moved = services(database)
    moved.start()
    assert_replayed(moved, written.answers)
    head = moved.gateway.deposit("a", "1.00").position
    assert head == written.head + 1, "a repeated command recorded something"
    assert moved.gateway.post("c", withdraw("9000"), headers=keyed("refused-later")).status == 400
    moved.wait_until_caught_up()
    stop(moved)

    # Back, to a new file, and to the old one, which holds the beginning.
    back = tmp_path / "back.db"
    assert copy(tool, database, back)["copied"] == head
    assert_same(database, back)
    report = copy(tool, database, old)
    assert (report["position"], report["copied"]) == (head, 1)
    assert_same(database, old)
    store.check_chain(*store.read(back))
    returned = services(back)
    returned.start()
    assert_replayed(returned, written.answers)
    assert returned.gateway.post("c", withdraw("9000"), headers=keyed("refused-later")).headers["Idempotent-Replayed"]
    assert returned.gateway.deposit("a", 1).position == head + 1
    stop(returned)
    for place in (database, back, old):
        assert tool.run("verify", "--event-store", address(place)).returncode == 0


def test_a_log_is_copied_while_it_is_written_and_then_the_difference(services, database):
    daybook = services()
    daybook.start()
    tool = Tool(daybook)
    ends = []
    with Load(daybook, threads=2) as load:
        for _ in range(3):
            load.wait_for("acknowledged", 60)
            ends.append(copy(tool, daybook.database, database)["position"])
    load.check()
    assert all(outcome.kind == "acknowledged" for outcome in load.outcomes), "a copy disturbed the commands"
    # Refusals move no head: the second copy brings the one that came after the first.
    ends.append(copy(tool, daybook.database, database)["position"])
    refused = daybook.gateway.post("load-0", withdraw("90000"), headers=keyed("after-the-copy"))
    assert refused.status == 400
    stop(daybook)
    ends.append(copy(tool, daybook.database, database)["position"])
    assert ends[0] < ends[1] < ends[2] <= ends[3] == ends[4] == len(store.read(daybook.database)[1])
    assert_same(daybook.database, database)


def psql(*arguments):
    return subprocess.run(
        [postgresql.programs() / "psql", "-X", "-v", "ON_ERROR_STOP=1", *arguments], capture_output=True, text=True,
        timeout=60, cwd=ROOT, env=environment({"PGPASSWORD": postgresql.PASSWORD}), check=False,
    )  # fmt: skip


def test_what_the_readme_says_of_moving_works_as_it_is_typed(services, database):
    readme = (ROOT / "README.md").read_text()
    section = re.search(r"^### Move to another store\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)[1]
    typed = re.findall(r"^    daybook (copy .*?) +#", section, re.MULTILINE)
    assert len(typed) == 2
    here = f"postgresql://{postgresql.OWNER}@127.0.0.1:{database.port}/{database.name}"
    daybook = services()
    daybook.start()
    daybook.gateway.open("a", 1)
    tool = Tool(daybook)
    for number, words in enumerate(typed):
        if number == 1:
            daybook.gateway.deposit("a", 2)
            stop(daybook)
        words = words.replace("postgresql://daybook_owner@127.0.0.1/moved", here).split()
        result = tool.run(*words, settings={"PGPASSWORD": postgresql.PASSWORD})
        assert result.returncode == 0 and "verified; 1 events were copied" in result.stdout, result
    assert_same(daybook.database, database)

    # The roles, under names of this test's own.
    appender, reader = f"{database.name}_log", f"{database.name}_reader"
    (alter,) = re.findall(r"psql -c '(ALTER DATABASE moved .*)'", section)
    database.run(alter.replace("moved", f'"{database.name}"'))
    for role in (appender, reader):
        database.run(f"CREATE ROLE \"{role}\" LOGIN PASSWORD '{postgresql.PASSWORD}'")
    try:
        (words,) = re.findall(r"127\.0\.0\.1/moved \\\n +(-v .*)", section)
        words = words.replace("daybook_log", appender).replace("daybook_reader", reader).split()
        result = psql(here, *words)
        assert result.returncode == 0 and "GRANT" in result.stdout, result
        (aside,) = re.findall(r"^    (mkdir data/old .*)$", section, re.MULTILINE)
        subprocess.run(["bash", "-c", aside], cwd=daybook.directory, check=True)
        assert not list(daybook.database.parent.glob("daybook.db*"))
        assert tool.run("verify", "--event-store", "sqlite:data/old/daybook.db").returncode == 0

        moved = services(database)
        moved.settings["EVENT_STORE"] = here.replace(postgresql.OWNER, f"{appender}:{postgresql.PASSWORD}")
        moved.start()
        assert moved.gateway.deposit("a", 3).json["balance"] == 6
        users = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'daybook' AND datname = current_database()"
        assert database.run(users) == [(appender,)]
        stop(moved)
        (log,) = re.findall(r"EVENT_STORE='postgresql://(\w+):", section)
        assert log == "daybook_log"
        result = psql(here.replace(postgresql.OWNER, reader), "-At", "-c", "SELECT count(*) FROM events")
        assert (result.returncode, result.stdout) == (0, "3\n"), result
    finally:
        for role in (appender, reader):
            database.run(f'DROP OWNED BY "{role}"')
            database.run(f'DROP ROLE "{role}"')


def opened_once(services, database):
    """Services that have made an empty log in a database, and are stopped."""
    daybook = services(database)
    daybook.start()
    stop(daybook)
    assert not database.is_empty()
    return daybook


@pytest.mark.parametrize("command", ["copy", "restore"])
def test_a_database_that_was_opened_once_gets_the_log(written, services, database, tmp_path, command):
    tool = written.tool
    opened_once(services, database)
    assert store.log_id(database) != store.log_id(written.place)
    if command == "copy":
        assert copy(tool, written.place, database)["copied"] == written.head
        # And again, now that it is the same log.
        assert copy(tool, written.place, database)["copied"] == 0
    else:
        tool.json("backup", tmp_path / "backup.db", "--event-store", address(written.place))
        (report,) = tool.json("restore", tmp_path / "backup.db", "--event-store", address(database))
        assert report["position"] == written.head
    assert_same(written.place, database)
    store.check_chain(*store.read(database))
    daybook = services(database)
    daybook.start()
    assert_replayed(daybook, written.answers)
    assert daybook.gateway.deposit("a", 1).position == written.head + 1
    stop(daybook)


@pytest.mark.parametrize("what", ["a record", "a refusal"])
def test_a_database_with_something_in_its_log_is_another_log(written, services, database, tmp_path, what):
    daybook = services(database)
    daybook.start()
    if what == "a record":
        daybook.gateway.open("other", 1)
    else:
        assert daybook.gateway.post("nobody", withdraw(1), headers=keyed("refused")).status in (400, 404)
        assert len(store.keys(database)) == 1
    stop(daybook)
    there = (store.read(database), decided(database))
    tool = written.tool
    assert "another log" in refused(tool, "copy", address(written.place), address(database))
    assert tool.run("backup", tmp_path / "backup.db", "--event-store", address(written.place)).returncode == 0
    assert "another log" in refused(tool, "restore", tmp_path / "backup.db", "--event-store", address(database))
    assert (store.read(database), decided(database)) == there


def test_a_store_is_not_copied_into_itself_whatever_it_is_called(written, moved, tmp_path):
    tool = written.tool
    link = tmp_path / "link.db"
    link.symlink_to(written.place)
    for first, second in [
        (address(written.place), address(link)), (address(written.place), f"sqlite:{written.place.parent}/./daybook.db"),
        (address(moved), address(moved).replace("127.0.0.1", "localhost")),
        (address(moved), f"{address(moved)}?application_name=x"),
    ]:  # fmt: skip
        assert first != second
        result = tool.run("copy", first, second)
        assert result.returncode == 64 and "FROM and TO are the same" in result.stderr, result
        assert postgresql.PASSWORD not in result.stderr + result.stdout


@pytest.mark.parametrize("direction", ["to PostgreSQL", "to SQLite"])
def test_a_copy_that_is_killed_goes_on_where_it_was(long, database, at_a_slow_server, tmp_path, direction):
    tool = Tool(long)
    source, destination = long.database, at_a_slow_server
    if direction == "to SQLite":
        copy(tool, long.database, database)
        source, destination = at_a_slow_server, tmp_path / "copy.db"

    def held():
        if store.is_database(destination):
            return 0 if destination.is_empty() else destination.run("SELECT position FROM daybook.writer")[0][0]
        return len(store.read(destination)[1]) if destination.exists() and destination.stat().st_size else 0

    process = subprocess.Popen(
        [PROGRAMS / "daybook", "copy", address(source), address(destination)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd=long.directory, env=environment(long.settings),
    )  # fmt: skip

    def is_begun():
        try:
            return held() > 0
        except Exception:  # It is just being made.
            return False

    wait_until(is_begun, "a part is there", 120)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not store.is_database(destination) or not destination.sessions(), "the server noticed it")
    part = held()
    assert 0 < part < 24_001, "it was killed in the middle"
    source, destination = [database if place is at_a_slow_server else place for place in (source, destination)]
    report = copy(tool, source, destination)
    assert (report["position"], report["copied"]) == (24_001, 24_001 - part)
    assert_same(source, destination)
    # And there is nothing more to do.
    assert copy(tool, source, destination)["copied"] == 0


def test_a_copy_that_stood_still_for_too_long_writes_nothing_more(long, services, database, at_a_slow_server):
    process = subprocess.Popen(
        [PROGRAMS / "daybook", "copy", address(long.database), address(at_a_slow_server)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, cwd=long.directory, env=environment(long.settings),
    )  # fmt: skip
    try:
        def position():
            return 0 if database.is_empty() else database.run("SELECT coalesce(max(position), 0) FROM daybook.records")[0][0]

        wait_until(lambda: position() > 0, "a part is there", 120)
        freeze(process.pid)
        log = services(database).event_log
        log.start()
        part = position()
        assert 0 < part < 24_001, "it was stopped in the middle"
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 1 and len(said.splitlines()) == 1, said
        assert "another program has taken over the log" in said and postgresql.PASSWORD not in said
        assert position() == part and log.health("/readyz") == 200
        assert log.stop() == 0
    finally:
        process.kill()
        process.wait()
    assert copy(Tool(long), long.database, database)["position"] == 24_001
    assert_same(long.database, database)


# ---- what is refused


def refused(tool, *arguments, code=1):
    result = tool.run(*arguments, timeout=120)
    assert result.returncode == code and len(result.stderr.splitlines()) == 1, result
    assert postgresql.PASSWORD not in result.stderr + result.stdout
    return result.stderr


def test_another_log_is_never_mixed_in(written, services, database, tmp_path):
    other = services()
    other.start()
    other.gateway.open("other", 1)
    stop(other)
    tool = written.tool
    for place in (database, tmp_path / "other.db"):
        copy(tool, other.database, place)
        there = store.read(place)
        said = refused(tool, "copy", address(written.place), address(place))
        assert "another log" in said, said
        assert store.read(place) == there
    assert "no log" in refused(tool, "copy", f"sqlite:{tmp_path / 'none.db'}", address(database))
    result = tool.run("copy", "ftp://x:geheim@h/d", address(database))
    assert result.returncode == 64 and "geheim" not in result.stderr + result.stdout, result


def test_a_server_that_is_not_there_is_told_in_plain_words(written):
    said = refused(written.tool, "copy", address(written.place), f"postgresql://x:{postgresql.PASSWORD}@127.0.0.1:1/x", code=69)
    assert "; Is the server running" in said, said


def test_a_log_that_went_on_differently_is_refused(written, services, database, tmp_path):
    tool = written.tool
    copy(tool, written.place, database)
    other = tmp_path / "other.db"
    copy(tool, written.place, other)
    # Both go on, each in its way.
    for place in (database, other):
        daybook = services(place)
        daybook.start()
        daybook.gateway.deposit("a", 1)
        stop(daybook)
    said = refused(tool, "copy", address(other), address(database))
    assert "differently" in said, said
    # Nor can what goes on be continued by what does not.
    said = refused(tool, "copy", address(written.place), address(database))
    assert "cannot be continued" in said or "differently" in said, said


@pytest.mark.parametrize("kind", ["a database", "a file"])
def test_a_log_that_a_service_leads_is_refused(written, services, database, tmp_path, kind):
    tool = written.tool
    place = database if kind == "a database" else tmp_path / "led.db"
    copy(tool, written.place, place)
    led = services(place)
    led.start()
    said = refused(tool, "copy", address(written.place), address(place))
    assert "leads" in said or "open" in said or "locked" in said, said
    # The service has not noticed.
    assert led.gateway.deposit("a", 1).status == 200
    stop(led)


@pytest.mark.parametrize("kind", ["a database", "a file"])
def test_a_damaged_log_is_copied_up_to_the_damage(written, database, tmp_path, kind):
    tool = written.tool
    source = database if kind == "a database" else tmp_path / "damaged.db"
    copy(tool, written.place, source)
    store.change_event(source, 20, data=b'{"amount":"9.00"}')
    destination = tmp_path / "copy.db"
    said = refused(tool, "copy", address(source), address(destination))
    assert "position 20" in said and "hash" in said, said


# ---- verify, head, backup and restore of a database

# What is done to the database, the position that verify must name, if any, and a word of its reason.
DAMAGE = {
    "an amount changed": ("""UPDATE daybook.records SET data = '{"amount":"9.03"}' WHERE position = 12""", 12, "hash"),
    "a hash changed": ("UPDATE daybook.records SET hash = sha256(hash) WHERE position = 12", 12, "hash"),
    "an event deleted": ("DELETE FROM daybook.records WHERE position = 12", 12, "missing"),
    "the end cut off": ("DELETE FROM daybook.records WHERE position > 70", 70, "daybook.writer"),
    "a version changed": ("UPDATE daybook.records SET stream_version = 77 WHERE position = 12", 12, "version"),
    "a link back broken": ("UPDATE daybook.records SET previous = 1 WHERE position = 12", 12, "previous"),
    "a skip broken": ("UPDATE daybook.records SET skip = 1 WHERE position = 12", 12, "skip"),
    "an end that is not found": (
        "UPDATE daybook.records SET head_slot = NULL WHERE position = (SELECT max(position) FROM daybook.records)",
        None, "head_slot",
    ),
    "a wrong head_slot": ("UPDATE daybook.records SET head_slot = 1 WHERE position = 12", 12, "head_slot"),
    "a key that is not found": ("UPDATE daybook.records SET key_slot = NULL WHERE position = 4", 4, "key_slot"),
    "a key that is half there": ("UPDATE daybook.records SET command_key = NULL WHERE position = 4", 4, "key"),
    "a key's versions changed": (
        "UPDATE daybook.records SET stream_versions = '[1,1]' WHERE streams IS NOT NULL AND position = 6", 6, "key",
    ),
    "a refusal that is not found": ("UPDATE daybook.refusals SET key_slot = key_slot + 1", 9, "key_slot"),
    "a refusal of a later position": ("UPDATE daybook.refusals SET position = position + 1", None, "key"),
    "the writer's row changed": ("UPDATE daybook.writer SET position = position - 1", None, "daybook.writer"),
    "the writer's row deleted": ("DELETE FROM daybook.writer", None, "daybook.writer"),
    "a snapshot changed": (
        "UPDATE daybook.snapshots SET state = set_byte(state, 9, (get_byte(state, 9) + 1) % 256)",
        None, "snapshot",
    ),
    "a trigger": (
        """CREATE FUNCTION public.spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
           CREATE TRIGGER "spy
           1" BEFORE INSERT ON daybook.records FOR EACH ROW EXECUTE FUNCTION public.spy()""", None, "trigger",
    ),
    "a rule": ("CREATE RULE nothing AS ON UPDATE TO daybook.writer DO ALSO NOTHING", None, "rule"),
    "a policy": ("CREATE POLICY hide ON daybook.records USING (false)", None, "policy"),
    "row security": ("ALTER TABLE daybook.records ENABLE ROW LEVEL SECURITY", None, "table records"),
    "a column": ("ALTER TABLE daybook.records ADD COLUMN note text", None, "column “records.note”"),
    "a default": ("ALTER TABLE daybook.writer ALTER COLUMN owner SET DEFAULT gen_random_uuid()", None, "writer.owner"),
    "a column of another type": (
        "DROP VIEW daybook.events; ALTER TABLE daybook.records ALTER COLUMN schema_version TYPE bigint", None,
        "records.schema_version",
    ),
    "a constraint": ("ALTER TABLE daybook.records ADD CHECK (position <> 1000)", None, "constraint"),
    "an index": ("CREATE INDEX mine ON daybook.records (type)", None, "index “mine”"),
    "an index dropped": ("DROP INDEX daybook.records_key", None, "lacks the index records_key"),
    "a child": ("CREATE TABLE public.more () INHERITS (daybook.records)", None, "child table"),
    "a table": ("CREATE TABLE daybook.mine (x integer)", None, "table “mine”"),
    "another fence": (
        """CREATE OR REPLACE FUNCTION daybook.advance(bigint, bigint, bigint, bigint) RETURNS bigint
           LANGUAGE plpgsql AS 'BEGIN RETURN $2 + 1; END'""", None, "function advance",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def moved(written):
    """The log of `written` in a database, to be copied as it is."""
    database = postgresql.shared().create_database()
    copy(written.tool, written.place, database)
    yield database
    database.drop()


def verify(tool, place, *arguments):
    result = tool.run("verify", "--event-store", address(place), "--json", *arguments)
    assert result.returncode in (0, 1), result
    assert postgresql.PASSWORD not in result.stderr + result.stdout
    return result


@pytest.mark.parametrize("name", DAMAGE)
def test_I10_what_is_changed_by_hand_in_a_database_is_found_and_named(written, moved, name):
    statement, position, word = DAMAGE[name]
    database = moved.copy()
    try:
        database.run(statement)
        result = verify(written.tool, database)
        said = result.stdout + result.stderr
        assert result.returncode == 1 and word in said, result
        assert position is None or f"position {position}" in said or f'"position":{position}' in said, said
        # Nor does it end with what nobody can read.
        assert len(said.splitlines()) == 1, said
    finally:
        database.drop()


def test_I10_a_log_in_a_database_is_in_order_beside_the_services_that_write_it(written, services, moved):
    database = moved.copy()
    daybook = services(database)
    daybook.start()
    tool = Tool(daybook)
    with Load(daybook, threads=2) as load:
        for _ in range(3):
            load.wait_for("acknowledged", 20)
            result = verify(tool, database)
            assert result.returncode == 0, result
    load.check()
    found = json.loads(verify(tool, database).stdout)
    assert found["snapshots"] > 0 and found["keys"] >= len(KEYED)
    head = tool.run("head").stdout.strip()
    assert head == f"{found['position']}:{found['hash']}"
    assert tool.run("verify", "--pinned", head).returncode == 0
    assert tool.run("verify", "--pinned", f"7:{written.log[1][6].hash.hex()}").returncode == 0
    stop(daybook)


def test_a_backup_of_a_database_is_an_ordinary_log(written, moved, database, services, tmp_path):
    tool = written.tool
    on_database = {"settings": {"EVENT_STORE": address(moved)}}
    file = tmp_path / "backup.db"
    (report,) = tool.json("backup", file, **on_database)
    assert (report["position"], report["hash"]) == (written.head, written.log[1][-1].hash.hex())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.db"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert_same(moved, file)
    assert tool.verify(file)[0] == 0
    # It is read without a file beside it.
    assert b"\x01\x01" == file.read_bytes()[18:20]

    (restored,) = tool.json("restore", file, "--event-store", address(database))
    assert restored["position"] == written.head and postgresql.PASSWORD not in restored["file"]
    assert_same(moved, database)
    assert "is there already" in refused(tool, "restore", file, "--event-store", address(database))
    daybook = services(database)
    daybook.start()
    assert_replayed(daybook, written.answers)
    stop(daybook)


def test_a_backup_and_a_restore_leave_out_what_comes_after_a_position(written, moved, database, tmp_path):
    tool = written.tool
    inside = next(record.position for record in written.log[1] if record.continues)
    said = refused(tool, "backup", tmp_path / "no.db", "--to-position", inside, "--event-store", address(moved))
    assert "inside an append" in said and f"position {inside + 1}" in said
    last = 40
    tool.json("backup", tmp_path / "cut.db", "--to-position", last, "--event-store", address(moved))
    assert store.read(tmp_path / "cut.db") == (written.log[0], written.log[1][:last])
    assert tool.verify(tmp_path / "cut.db")[0] == 0
    tool.json("backup", tmp_path / "whole.db", "--event-store", address(moved))
    refused(tool, "restore", tmp_path / "whole.db", "--to-position", inside, "--event-store", address(database))
    assert database.is_empty()
    tool.json("restore", tmp_path / "whole.db", "--to-position", last, "--event-store", address(database))
    assert_same(tmp_path / "cut.db", database)


def test_a_damaged_backup_leaves_no_log_in_a_database(written, database, tmp_path):
    tool = written.tool
    assert tool.run("backup", tmp_path / "b.db").returncode == 0
    store.change_event(tmp_path / "b.db", 20, data=b'{"amount":"9.00"}')
    said = refused(tool, "restore", tmp_path / "b.db", "--event-store", address(database))
    assert "position 20" in said and database.is_empty()

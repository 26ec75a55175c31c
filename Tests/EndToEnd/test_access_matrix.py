"""Who may do what: every operation of both services, asked with every role and every pattern.

The operations are those of the documents that the running services serve, so that a new one is asked for here, too.
What each credential may do is written down here, as the contract has it: contract/access.md.
"""

import hashlib
import http.client
import itertools
import json
import re
import secrets
import time

import pytest

import secured
from client import Answer
from services import wait_until
from whole_files import write_lines

# The contract's table.
PERMISSIONS = {
    "reader": {"read"},
    "teller": {"read", "move"},
    "manager": {"read", "move", "manage"},
    "auditor": {"read", "audit"},
    "operator": {"operate"},
}
# The role that is named to whoever lacks a permission.
NEEDED = {"read": "reader", "move": "teller", "manage": "manager", "audit": "auditor", "operate": "operator"}
# A pattern of a token, and whether the accounts that begin with `in-` are within it.
PATTERNS = {None: True, "in-*": True, "in-1": True, "beyond-*": False, "in": False, "in-12*": False}
NO_ROLE = ("none", "expired", "revoked", "unknown", "malformed")
HIDDEN = "hidden-7"

# Each command so that it is refused for what it means, or does no harm however often it is obeyed; with what then is
# answered.
COMMANDS = {
    "OpenAccount": ({"owner": "Alice", "initial_balance": 1}, (409, "account-already-open")),
    "Deposit": ({"amount": "1.00"}, (200, None)),
    "Withdraw": ({"amount": "1.00"}, (200, None)),
    # To an account beyond all patterns but one: the right is needed on the sender's side alone.
    "Transfer": ({"amount": "0.01", "to": HIDDEN}, (200, None)),
    "PlaceHold": ({"amount": "0.01", "expires_in": "1s"}, (200, None)),
    "CaptureHold": ({"hold": "none"}, (404, "hold-not-found")),
    "ReleaseHold": ({"hold": "none"}, (404, "hold-not-found")),
    "SetLimits": ({"maximum_balance": None}, (200, None)),
    "Freeze": ({"direction": "sideways", "reason": "r"}, (400, "invalid-command")),
    "Unfreeze": ({"reason": "r"}, (409, "not-frozen")),
    "Close": ({"reason": "r"}, (409, "account-not-empty")),
    "Reverse": ({"version": 1, "reason": "r"}, (409, "not-reversible")),
}
# What can't be read is refused whoever sent it, before it is known what it needs.
MALFORMED = {"Freeze"}

_holds = itertools.count(1)


class Asker:
    """Asks a service over one connection, with what a credential shows and nothing else."""

    def __init__(self, port):
        if context := secured.context():
            self.connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
        else:
            self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method, path, token=None, body=None, headers={}):
        headers = dict(headers) | ({"Authorization": token} if token is not None else {})
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        if response.headers["Content-Type"] == "text/event-stream":
            part = response.read1(65536)
            self.connection.close()
            return Answer(response.status, response.headers, part)
        return Answer(response.status, response.headers, response.read())


class Credential:
    def __init__(self, name, role=None, pattern=None, token=None):
        self.name, self.role, self.pattern = name, role, pattern
        self.field = None if token is None else f"Bearer {token}"

    def may(self, permission):
        return permission == "everybody" or (self.role is not None and permission in PERMISSIONS[self.role])

    def sees(self, account):
        if self.role is None:
            return False
        if self.pattern is None or self.pattern.endswith("*"):
            return account.startswith((self.pattern or "*")[:-1])
        return account == self.pattern


class Bank:
    """Services that ask for tokens, with some accounts, and one credential of each kind."""

    def __init__(self, start, folder):
        self.folder = folder
        self.credentials = []
        self.lines = []
        for role, pattern in itertools.product(PERMISSIONS, PATTERNS):
            self._add(f"{role} {pattern or 'all'}", role, pattern)
        self._add("expired", "manager", expires="2026-01-01T00:00:00Z")
        self._add("revoked", "manager")
        self.credentials += [
            Credential("none"), Credential("unknown", token=secrets.token_urlsafe(32)),
            Credential("malformed", token="a b"),
        ]  # fmt: skip
        self.by_name = {credential.name: credential for credential in self.credentials}
        for name in ("expired", "revoked"):
            self.by_name[name].role = None
        self.write()
        self.daybook = start(ACCESS_TOKENS=self.file, HTTP_RATE_LIMIT="1000000/s", QUERY_CHECKPOINTS="none")
        self.ports = {"gateway": self.daybook.command.port, "query": self.daybook.query.port}
        self.askers = {name: Asker(port) for name, port in self.ports.items()}
        self.manager = self.by_name["manager all"].field
        for account in ("in-1", "in-2", "in", HIDDEN):
            body = json.dumps({"type": "OpenAccount", "owner": "Alice", "initial_balance": "100000.00"})
            opened = self.ask("gateway", "POST", f"/accounts/{account}", self.manager, body)
            assert opened.status == 201, opened
            self.position = opened.position
        self._revoke("revoked")
        self.documents = {
            name: self.ask(name, "GET", "/openapi.json").json for name in ("gateway", "query")
        }  # fmt: skip

    @property
    def file(self):
        return self.folder / "tokens.jsonl"

    def _add(self, name, role, pattern=None, expires=None):
        token = secrets.token_urlsafe(32)
        self.credentials.append(Credential(name, role, pattern, token))
        actor = re.sub("[^a-z-]+", ".", name)
        line = {"name": f"{actor}-{len(self.lines)}", "role": role, "sha256": hashlib.sha256(token.encode()).hexdigest()}
        self.lines.append(line | ({"accounts": pattern} if pattern else {}) | ({"expires": expires} if expires else {}))

    def write(self, without="none"):
        write_lines(self.file, [line for line in self.lines if not line["name"].startswith(without)])

    def _revoke(self, name):
        field = self.by_name[name].field
        for service in self.askers:
            assert self.ask(service, "GET", "/accounts/in-1", field).status == 200
        self.write(without=name)
        for service in self.askers:
            wait_until(
                lambda: self.ask(service, "GET", "/accounts/in-1", field).status == 401,
                f"the {service} refuses a revoked token", 60,
            )  # fmt: skip

    def ask(self, service, method, path, token=None, body=None, headers={}):
        if method == "POST" and path != "/commands":
            headers = {"Content-Type": "application/json"} | headers
        return self.askers[service].ask(method, path, token, body, headers)

    # ---- what there is to ask for

    def cases(self, service):
        """Each operation: what is asked, and what it needs."""
        document = self.documents[service]
        schemas = document["components"]["schemas"]
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if method == "parameters":
                    continue
                permission = operation["x-permission"]
                assert (operation["security"] == []) == (permission == "everybody"), f"{method} {path}"
                if (method, path) == ("post", "/accounts/{id}"):
                    assert schemas["Command"]["discriminator"]["mapping"].keys() == COMMANDS.keys()
                    for kind, (fields, done) in COMMANDS.items():
                        yield Case(
                            "POST", path, permission, command=kind, needs=schemas[kind]["x-permission"], done=done,
                            fields=fields,
                        )  # fmt: skip
                    continue
                yield Case(method.upper(), path, permission)
                if method == "get":
                    yield Case("HEAD", path, permission)
                if path == "/events":
                    yield Case("GET", path, permission, headers={"Accept": "text/event-stream"})


class Case:
    """Something to ask for, and what it needs."""

    def __init__(self, method, path, permission, command=None, needs=None, done=(200, None), fields={}, headers={}):
        self.method, self.permission, self.command, self.needs = method, permission, command, needs
        self.done, self.fields, self.headers = done, fields, headers
        self.is_of_account = "{id}" in path
        name = "accounts" if "projections" in path else "not-found"
        self.path = path.replace("{id}", "in-1").replace("{name}", name)
        if self.path == "/commands":
            self.headers = {"Content-Type": "application/x-ndjson"}

    def __str__(self):
        return " ".join(filter(None, (self.method, self.path, self.command, self.headers.get("Accept"))))

    @property
    def body(self):
        if self.command is None:
            return b"" if self.method == "POST" else None
        fields = self.fields | ({"hold": f"h-{next(_holds)}"} if self.command == "PlaceHold" else {})
        return json.dumps({"type": self.command} | fields)

    def expected(self, credential):
        """The status, the name of the problem, and the role that it names."""
        if not credential.may(self.permission):
            return (401, "unauthenticated", None) if credential.role is None else (403, "forbidden", NEEDED[self.permission])
        if self.is_of_account and not credential.sees("in-1"):
            return 404, "account-not-found", None
        if self.command in MALFORMED:
            return *self.done, None
        if self.needs and not credential.may(self.needs):
            return 403, "forbidden", NEEDED[self.needs]
        return *self.done, None


@pytest.fixture(scope="module")
def bank(module_services, tmp_path_factory):
    return Bank(module_services, tmp_path_factory.mktemp("access"))


def outcome(answer, method):
    """The status, the name of the problem and the role that it names, as far as an answer tells."""
    if answer.status < 400 or method == "HEAD":
        return answer.status, None, None
    problem = answer.json
    assert problem["status"] == answer.status
    return answer.status, problem["type"].removeprefix("/problems/"), problem.get("role")


# What was asked.
COUNTED = []
ROLES = [f"{role} {pattern or 'all'}" for role, pattern in itertools.product(PERMISSIONS, PATTERNS)]


@pytest.mark.parametrize("service", ["gateway", "query"])
@pytest.mark.parametrize("name", [*ROLES, *NO_ROLE])
def test_each_operation_is_done_or_refused_as_the_contract_says(bank, service, name):
    credential = bank.by_name[name]
    wrong = []
    for case in bank.cases(service):
        answer = bank.ask(service, case.method, case.path, credential.field, case.body, case.headers)
        COUNTED.append(str(case))
        expected = case.expected(credential)
        if case.method == "HEAD":
            expected = (expected[0], None, None)
            assert answer.body == b"", case
        if outcome(answer, case.method) != expected:
            wrong.append(f"{case}: expected {expected}, got {answer}")
        challenge = answer.headers["WWW-Authenticate"]
        if (challenge or "").startswith("Bearer") != (expected[0] == 401):
            wrong.append(f"{case}: WWW-Authenticate is {challenge}")
        if expected[0] == 403 and answer.headers["Daybook-Position"] and case.command is None:
            wrong.append(f"{case}: refused by the handler, not before it")
    assert not wrong, "\n".join(wrong)


def test_there_were_enough_cases():
    if len(set(COUNTED)) < 40:
        pytest.skip("the matrix was not walked as a whole")
    assert len(COUNTED) >= 500


@pytest.mark.parametrize("service", ["gateway", "query"])
@pytest.mark.parametrize("name", ROLES)
def test_what_is_shown_is_what_the_pattern_reaches(bank, service, name):
    credential = bank.by_name[name]
    everything = bank.by_name["auditor all"]
    fields = {"Daybook-Min-Position": str(bank.position)}

    def get(path, who=credential):
        return bank.ask(service, "GET", path, who.field, headers=fields)

    if credential.may("read"):
        listed = get("/accounts?limit=1000").json
        whole = get("/accounts?limit=1000", everything).json
        assert [each["id"] for each in listed] == [each["id"] for each in whole if credential.sees(each["id"])]
        first = get("/accounts?limit=1")
        ids = [each["id"] for each in whole if credential.sees(each["id"])]
        link = first.headers["Link"]
        assert (link is not None) == (len(ids) > 1)
        assert link is None or f"after={ids[0]}&" in link
        for account in ("in-1", "in-2", "in", HIDDEN):
            for part in ("", "/events", "/statement"):
                answer = get(f"/accounts/{account}{part}")
                if credential.sees(account):
                    assert answer.status == 200, answer
                else:
                    absent = get(f"/accounts/{'x' * len(account)}{part}")
                    assert (answer.status, absent.status) == (404, 404)
                    assert answer.body.replace(account.encode(), b"x" * len(account)) == absent.body
                    assert comparable(answer) == comparable(absent)
    if credential.may("audit"):
        position = get("/accounts").position
        events = get(f"/events?after=0&limit=10000&min_position={position}").json
        whole = get(f"/events?after=0&limit=10000&min_position={position}", everything).json
        seen = [event for event in whole if credential.sees(event["account"])]
        assert [event["id"] for event in events] == [event["id"] for event in seen]
        assert get(f"/events?after=0&account={HIDDEN}").json == [
            event for event in whole if event["account"] == HIDDEN and credential.sees(HIDDEN)
        ]  # fmt: skip
        check_totals(get("/totals").json, events, credential)
        at = whole[len(whole) // 2]["time"]
        check_totals(get(f"/totals?at={at}").json, [event for event in events if event["time"] <= at], credential)


def comparable(answer):
    """The header of an answer without what is another one in each."""
    return {name: value for name, value in answer.headers.items() if name not in ("Date", "Daybook-Position")}


def check_totals(totals, events, credential):
    deposited = withdrawn = 0
    accounts = set()
    for event in events:
        accounts.add(event["account"])
        amount = event.get("initial_balance", event.get("amount", 0))
        other = event.get("from") or event.get("to")
        if other and credential.sees(other):
            continue
        match event["type"]:
            case "AccountOpened" | "MoneyDeposited" | "MoneyReceived":
                deposited += amount
            case "MoneyWithdrawn" | "MoneySent":
                withdrawn += amount
    if not accounts:
        assert totals == []
        return
    (usd,) = totals
    assert (usd["accounts"], usd["deposited"], usd["withdrawn"]) == (len(accounts), deposited, withdrawn)
    assert usd["balance"] == deposited - withdrawn


@pytest.mark.parametrize("name", [*ROLES, *NO_ROLE])
def test_each_line_of_many_commands_is_done_or_refused_by_itself(bank, name):
    credential = bank.by_name[name]
    schemas = bank.documents["gateway"]["components"]["schemas"]
    lines, expected = [], []
    for account, (kind, (fields, done)) in itertools.product(("in-1", HIDDEN), COMMANDS.items()):
        line = {"account": account, "type": kind} | fields
        if kind == "PlaceHold":
            line["hold"] = f"h-{next(_holds)}"
        if kind == "Transfer" and account == HIDDEN:
            line["to"] = "in-1"
        lines.append(line)
        case = Case("POST", "/accounts/{id}", "move", command=kind, needs=schemas[f"Bulk{kind}"]["x-permission"], done=done)
        if credential.role is None or not credential.may("move"):
            continue
        # What can't be read names no account for certain.
        if kind in MALFORMED:
            expected.append((400, "invalid-command", None))
        elif not credential.sees(account):
            expected.append((404, "account-not-found", None))
        elif not credential.may(case.needs):
            expected.append((403, "forbidden", NEEDED[case.needs]))
        else:
            expected.append((*done, None))
    body = "".join(json.dumps(line) + "\n" for line in lines)
    answer = bank.ask(
        "gateway", "POST", "/commands", credential.field, body, {"Content-Type": "application/x-ndjson"}
    )
    if not credential.may("move"):
        status = 401 if credential.role is None else 403
        assert outcome(answer, "POST")[0] == status, answer
        return
    assert answer.status == 200, answer
    found = []
    for line in answer.body.splitlines():
        line = json.loads(line)
        problem = line.get("problem", {})
        found.append((line["status"], problem.get("type", "").removeprefix("/problems/") or None, problem.get("role")))
    assert found == expected


def test_a_way_that_no_document_names_is_told_to_everybody_as_absent(bank):
    for service in bank.askers:
        for credential in (bank.by_name["none"], bank.by_name["manager all"]):
            for path in ("/", "/account", "/accounts/in-1/secret", "/projections/accounts", "/metrics/x", "/commands/1"):
                assert bank.ask(service, "GET", path, credential.field).status in (404, 405), path
        for path in bank.documents[service]["paths"]:
            path = path.replace("{id}", "in-1").replace("{name}", "accounts")
            for method in ("DELETE", "PUT", "PATCH", "TRACE"):
                assert bank.ask(service, method, path, None, b"").status in (405, 501), f"{method} {path}"


def test_a_stranger_is_refused_whatever_else_is_wrong_with_a_request(bank):
    """So that nothing is learned from what is refused first."""
    for service, path in itertools.product(bank.askers, ("/accounts/a%20b", "/accounts?no_such=1", "/accounts/in-1?version=x")):
        assert bank.ask(service, "GET", path).status == 401, path
    assert bank.ask("gateway", "POST", "/accounts/in-1", None, b"{").status == 401
    assert bank.ask("gateway", "POST", "/accounts/in-1", None, b"{}", {"Content-Type": "text/plain"}).status == 401


@pytest.mark.parametrize("name", [*ROLES, *NO_ROLE])
def test_the_health_of_all_services_is_everybodys_and_its_figures_are_the_operators(bank, name):
    credential = bank.by_name[name]
    for service in bank.daybook.services:
        asker = Asker(service.port)
        assert asker.ask("GET", "/livez", credential.field).status == 200
        ready = asker.ask("GET", "/readyz", credential.field)
        assert ready.status == 200
        # Details tell of all accounts, and how the services reach each other.
        sees_details = credential.role is not None and credential.pattern is None
        assert ("position" in ready.json) == sees_details, ready
        metrics = outcome(asker.ask("GET", "/metrics", credential.field), "GET")
        asker.connection.close()
        if credential.role is None:
            assert metrics == (401, "unauthenticated", None)
        else:
            assert metrics == ((200, None, None) if credential.may("operate") else (403, "forbidden", "operator"))


def test_a_pattern_may_be_narrowed_by_what_a_gateway_adds_and_by_nobody_widened(bank):
    """The gateway says beside a query which accounts it may show; that only ever takes away."""
    auditor, narrow = bank.by_name["auditor all"], bank.by_name["auditor in-*"]

    def ids(service, who, pattern):
        answer = bank.ask(service, "GET", "/accounts", who.field, headers={"Daybook-Accounts": pattern})
        assert answer.status == 200, answer
        return [each["id"] for each in answer.json]

    assert ids("query", auditor, "in-1") == ["in-1"]
    assert ids("query", narrow, "in-1") == ["in-1"]
    assert ids("query", narrow, "*") == ["in-1", "in-2"]
    assert ids("query", narrow, "hidden-*") == []
    # What a client sends to the gateway is taken out there, and can't widen anything either.
    assert set(ids("gateway", narrow, "*")) == {"in-1", "in-2"}


def test_a_feed_tells_what_the_pattern_reaches(bank):
    narrow = bank.by_name["auditor in-1"]
    for service in bank.askers:
        asker = Asker(bank.ports[service])
        asker.connection.request(
            "GET", "/events?after=0&wait=60s", headers={"Authorization": narrow.field, "Accept": "text/event-stream"}
        )
        response = asker.connection.getresponse()
        assert response.status == 200
        posted = bank.ask(
            "gateway", "POST", f"/accounts/{HIDDEN}", bank.manager, json.dumps({"type": "Deposit", "amount": 1}))
        assert posted.status == 200
        marker = f"marker-{service}"
        posted = bank.ask(
            "gateway", "POST", "/accounts/in-1", bank.manager,
            json.dumps({"type": "Deposit", "amount": 1, "reference": marker}))
        assert posted.status == 200
        text, deadline = "", time.monotonic() + 60
        while marker not in text:
            assert time.monotonic() < deadline, text[-2000:]
            text += response.read1(65536).decode()
        asker.connection.close()
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        assert {event["account"] for event in events} == {"in-1"}
        # An append goes on for a reader only if it sees the rest.
        for event, following in zip(events, events[1:]):
            assert "continues" not in event or following["position"] == event["position"] + 1
            assert event["type"] != "MoneySent" or "continues" not in event

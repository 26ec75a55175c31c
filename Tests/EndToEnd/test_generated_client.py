"""Clients of other people's making: one that is generated from the OpenAPI document, and requests."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

import secured
from guarded import Tokens


@pytest.fixture(scope="module")
def generated(daybook, tmp_path_factory):
    """The modules of a client that openapi-python-client made of the gateway's document."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_bytes(daybook.gateway.get("/openapi.json").body)
    programs = Path(sys.executable).parent
    result = subprocess.run(
        [
            programs / "openapi-python-client", "generate", "--path", folder / "openapi.json", "--meta", "none",
            "--output-path", folder / "daybook_client",
        ],
        capture_output=True, text=True, timeout=120, check=False, cwd=folder,
        env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    # Lines of JSON are a media type that it does not know; all else is there.
    missing = [line for line in (result.stdout + result.stderr).splitlines() if "WARNING" in line]
    assert [line.split(" within ")[0] for line in missing] == ["WARNING parsing POST /commands"], result
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == "daybook_client"]:
            del sys.modules[name]


def test_every_module_of_a_generated_client_can_be_imported(generated):
    root = Path(generated("daybook_client").__file__).parent
    for file in root.rglob("*.py"):
        name = ".".join(file.relative_to(root.parent).with_suffix("").parts)
        generated(name.removesuffix(".__init__"))


def generated_client(generated, daybook):
    url, module = secured.url(daybook.command.port), generated("daybook_client")
    if not secured.IS_SECURED:
        return module.Client(base_url=url)
    return module.AuthenticatedClient(
        base_url=url, token=secured.shared().tokens["manager"], verify_ssl=secured.context()
    )


def test_a_generated_client_opens_deposits_withdraws_and_reads(daybook, generated):
    models = generated("daybook_client.models")
    command, account, events, accounts = (
        generated(f"daybook_client.api.default.{name}") for name in ("command", "account", "account_events", "accounts")
    )
    client = generated_client(generated, daybook)
    opened = command.sync_detailed(
        "generated", client=client, if_none_match="*",
        body=models.OpenAccount(type_="OpenAccount", owner="Alice", initial_balance="1000.00"),
    )  # fmt: skip
    assert (opened.status_code, opened.headers["ETag"]) == (201, '"1"')
    assert (opened.parsed.id, opened.parsed.balance, opened.parsed.version) == ("generated", 1000, 1)
    deposit = models.Deposit(type_="Deposit", amount=500.5)
    for replayed in (None, "true"):
        deposited = command.sync_detailed("generated", client=client, body=deposit, idempotency_key="g-1", if_match='"1"')
        assert (deposited.status_code, deposited.parsed.balance) == (200, 1500.5)
        assert deposited.headers.get("Idempotent-Replayed") == replayed
    refused = command.sync("generated", client=client, body=models.Withdraw(type_="Withdraw", amount=5000))
    assert (refused.type_, refused.shortfall, refused.currency) == ("/problems/insufficient-funds", 3499.5, "USD")
    read = account.sync("generated", client=client)
    assert (read.balance, read.owner, read.version) == (1500.5, "Alice", 2)
    assert read.opened_at < read.updated_at
    assert [event.type_ for event in events.sync("generated", client=client)] == ["AccountOpened", "MoneyDeposited"]
    assert "generated" in [listed.id for listed in accounts.sync(client=client, limit=1000)]
    assert account.sync("nobody", client=client).type_ == "/problems/account-not-found"


def test_requests_opens_deposits_and_reads(daybook):
    url = secured.url(daybook.command.port, "/accounts/by-requests")
    with requests.Session() as session:
        secured.prepare(session)
        opened = session.post(url, json={"type": "OpenAccount", "owner": "Zoë", "initial_balance": "10.00"})
        assert (opened.status_code, opened.json()["owner"]) == (201, "Zoë")
        deposited = session.post(url, json={"type": "Deposit", "amount": 5}, headers={"If-Match": opened.headers["ETag"]})
        assert (deposited.status_code, deposited.json()["balance"]) == (200, 15)
        read = session.get(url, headers={"Accept": "application/json;amounts=string"})
        assert read.json()["balance"] == "15.00"
        unchanged = session.get(url, headers={"If-None-Match": deposited.headers["ETag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        # It leaves dots in a path as the standard says: the path is another one.
        assert session.get(f"{url}/../../accounts").status_code == 200
        explained = session.get(secured.url(daybook.command.port, "/problems/insufficient-funds"))
        assert explained.text.startswith("Insufficient funds\n")


@pytest.mark.open_only("there every client shows a token")
def test_a_generated_client_shows_its_token(module_services, tmp_path, generated):
    tokens = Tokens(tmp_path / "tokens.jsonl")
    daybook = module_services(ACCESS_TOKENS=tokens.path)
    module, models = generated("daybook_client"), generated("daybook_client.models")
    command, account, totals = (
        generated(f"daybook_client.api.default.{name}") for name in ("command", "account", "totals")
    )
    url = f"http://127.0.0.1:{daybook.command.port}"

    def client(name):
        return module.AuthenticatedClient(base_url=url, token=tokens.texts[name])

    opening = models.OpenAccount(type_="OpenAccount", owner="Alice", initial_balance="10.00")
    assert command.sync("mine", client=client("manager"), body=opening).balance == 10
    assert account.sync("mine", client=client("reader")).balance == 10
    (usd,) = totals.sync(client=client("auditor"))
    assert (usd.currency, usd.accounts) == ("USD", 1)
    refused = command.sync_detailed("other", client=client("teller"), body=opening)
    assert (refused.status_code, refused.parsed.type_, refused.parsed.role) == (403, "/problems/forbidden", "manager")
    unknown = account.sync_detailed("mine", client=module.AuthenticatedClient(base_url=url, token="unknown"))
    assert (unknown.status_code, unknown.parsed.type_) == (401, "/problems/unauthenticated")
    assert unknown.headers["WWW-Authenticate"].startswith("Bearer")
    assert account.sync_detailed("mine", client=module.Client(base_url=url)).status_code == 401

"""Schemathesis, with all its checks, finds nothing in what the services answer to requests made of their documents."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import secured
from guarded import Tokens

CONFORMANCE = Path(__file__).parent / "conformance"


@pytest.mark.parametrize("name", ["gateway", "query service"])
def test_what_a_service_answers_is_what_its_document_says(daybook, tmp_path, name):
    daybook.gateway.open(f"acc-00{len(name)}", "10.00", owner="Alice")
    daybook.wait_until_caught_up()
    assert_conforming(daybook, tmp_path, name, secured.tokens_by_role())


@pytest.mark.open_only("there every client shows a token")
@pytest.mark.parametrize("name", ["gateway", "query service"])
def test_a_service_that_asks_for_tokens_does_what_its_document_says(start_daybook, tmp_path, name):
    tokens = Tokens(tmp_path / "tokens.jsonl")
    daybook = start_daybook(ACCESS_TOKENS=tokens.path, HTTP_RATE_LIMIT="1000000/s")
    opening = {"type": "OpenAccount", "owner": "Alice", "initial_balance": "10.00"}
    assert daybook.gateway.post("acc-001", opening, headers=tokens.header("manager")).status == 201
    assert_conforming(
        daybook, tmp_path, name, {f"TEST_TOKEN_{role.upper()}": text for role, text in tokens.texts.items()}
    )


def assert_conforming(daybook, folder, name, tokens):
    port = daybook.command.port if name == "gateway" else daybook.query.port
    trust = ["--tls-verify", secured.shared().authority.certificate] if secured.IS_SECURED else []
    result = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "--config-file", CONFORMANCE / "schemathesis.toml",
            "run", secured.url(port, "/openapi.json"), "--url", secured.url(port), "--no-color", *trust,
        ],
        capture_output=True, text=True, timeout=280, check=False, cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(CONFORMANCE), "COLUMNS": "120"} | tokens,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "No issues found" in result.stdout
    assert all(service.is_running for service in daybook.services)

"""The secured form through real clients: curl, requests, pyzmq, and tokens that other libraries make."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import struct
import subprocess
from uuid import uuid4

import jwt
import pytest
import requests
import zmq

import daybook_frames as frames
import store
from client import Answer, exchange, responses
from commands import deposit, open_account
from log_peer import LogPeer
from secured import ROLES, Secrets
from services import wait_until
from web_tokens import ALGORITHMS, AUDIENCE, ISSUER, Issuer

pytestmark = pytest.mark.open_only("it has secrets of its own, in one form of the harness as in the other")

OPEN = json.dumps(open_account(initial_balance="1.00"))


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer") / "jwks.json")


@pytest.fixture(scope="module")
def secured(module_services, issuer, tmp_path_factory):
    return module_services(secrets=Secrets(tmp_path_factory.mktemp("secrets") / "own"), **issuer.settings)


def actors(daybook, account):
    """Who did what, by the metadata of an account's events in the log's file."""
    _, records = store.read(daybook.database)
    return [json.loads(record.metadata or b"{}").get("actor") for record in records if record.stream == account.encode()]


# ---- curl


def curl(daybook, path, *options, port=None, trusts=True):
    """The exit code of curl, the answer if there is one, and what curl complained of."""
    trust = ["--cacert", daybook.secrets.authority.certificate] if trusts else []
    done = subprocess.run(
        ["curl", "-sS", "-i", "--http1.1", "-m", "30", "--noproxy", "*", *trust, *options,
         f"https://127.0.0.1:{port or daybook.command.port}{path}"],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    answer = Answer(int(status.split()[1]), headers, body) if status else None
    return done.returncode, answer, done.stderr.decode()


def bearer(token):
    return ["-H", f"Authorization: Bearer {token}"]


def test_curl_with_a_token(secured):
    manager, auditor = (bearer(secured.secrets.tokens[role]) for role in ("manager", "auditor"))
    code, answer, errors = curl(secured, "/accounts/by-curl", *manager, "-H", "Content-Type: application/json", "-d", OPEN)
    assert (code, answer.status) == (0, 201), errors
    for port in (secured.command.port, secured.query.port):
        path = f"/accounts/by-curl?min_position={answer.headers['daybook-position']}"
        assert curl(secured, path, *manager, port=port)[1].json["id"] == "by-curl"
        assert curl(secured, "/events?after=0", *auditor, port=port)[1].status == 200
        assert curl(secured, "/livez", port=port)[1].status == 200
    assert actors(secured, "by-curl") == ["test-manager"]


def test_curl_trusts_no_certificate_of_somebody_else(secured):
    code, answer, _ = curl(secured, "/livez", trusts=False)
    assert (code, answer) == (60, None)


def test_no_version_of_tls_before_1_2_is_spoken(secured):
    for version, code in (("1.1", 35), ("1.2", 0), ("1.3", 0)):
        least = ["--tlsv1." + version[-1], "--tls-max", version, "--ciphers", "DEFAULT@SECLEVEL=0"]
        assert curl(secured, "/livez", *least)[0] == code, version


def test_whoever_shows_nothing_is_told_how_to_before_a_body_is_read(secured):
    code, answer, _ = curl(secured, "/accounts/nobody", "-H", "Content-Type: application/json", "-d", OPEN)
    assert (code, answer.status, answer.json["type"]) == (0, 401, "/problems/unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    head = b"POST /accounts/nobody HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    received = exchange_as(secured, head, until=lambda received: received.endswith(b"}"))
    assert responses(received)[0].status == 401


def test_whoever_may_not_is_told_which_role_may(secured):
    reader = bearer(secured.secrets.tokens["reader"])
    code, answer, _ = curl(secured, "/accounts/nobody", *reader, "-H", "Content-Type: application/json", "-d", OPEN)
    assert (code, answer.status, answer.json["type"]) == (0, 403, "/problems/forbidden")
    assert "teller" in answer.body.decode() or "manager" in answer.body.decode()
    teller = bearer(secured.secrets.tokens["teller"])
    code, answer, _ = curl(secured, "/accounts/nobody", *teller, "-H", "Content-Type: application/json", "-d", OPEN)
    assert (code, answer.status, answer.json["type"]) == (0, 403, "/problems/forbidden")
    assert "manager" in answer.body.decode()
    assert secured.gateway.get("/accounts/nobody").status == 404


def test_curl_with_a_client_certificate(start_daybook, tmp_path):
    secrets = Secrets(tmp_path / "own")
    daybook = start_daybook(start=False, secrets=secrets)
    # Tokens would be asked for beside the certificate.
    daybook.settings.pop("ACCESS_TOKENS")
    daybook.command.variables = {"HTTP_TLS_CLIENT_CA": str(secrets.authority.certificate)}
    certificate, key = secrets.authority.issue_client(tmp_path, "teller-7")
    secrets.context.load_cert_chain(certificate, key)
    daybook.start()
    with_it = ["--cert", certificate, "--key", key]
    code, answer, errors = curl(
        daybook, "/accounts/by-certificate", *with_it, "-H", "Content-Type: application/json", "-d", OPEN
    )
    assert (code, answer and answer.status) == (0, 201), errors
    assert curl(daybook, "/accounts/by-certificate", *with_it)[1].status == 200
    assert actors(daybook, "by-certificate") == ["teller-7"]
    # Nobody without one gets as far as a request, and nobody with one that somebody else signed.
    code, answer, _ = curl(daybook, "/livez")
    assert code != 0 and answer is None
    stranger = Secrets(tmp_path / "other").authority.issue_client(tmp_path, "teller-7", "stranger")
    code, answer, _ = curl(daybook, "/livez", "--cert", stranger[0], "--key", stranger[1])
    assert code != 0 and answer is None


# ---- requests


def test_requests_with_a_session(secured):
    with requests.Session() as session:
        # Else the machine's own choice of authorities may win.
        session.trust_env = False
        session.verify = str(secured.secrets.authority.certificate)
        session.headers["Authorization"] = f"Bearer {secured.secrets.tokens['manager']}"
        base = f"https://localhost:{secured.command.port}"
        opened = session.post(f"{base}/accounts/by-requests-secured", data=OPEN, headers={"Content-Type": "application/json"})
        assert opened.status_code == 201, opened.text
        assert session.get(f"{base}/accounts/by-requests-secured").json()["balance"] == 1
        assert session.head(f"{base}/accounts/by-requests-secured").status_code == 200
        refused = session.get(f"{base}/events")
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://127.0.0.1:{secured.command.port}/livez", timeout=30)


# ---- JSON Web Tokens


def exchange_as(daybook, sent, timeout=30, until=None):
    """As `exchange`, over TLS and with nothing but what is given."""
    return exchange(daybook.command.port, sent, timeout, until, daybook.secrets)


def ask(daybook, *tokens, port=None):
    """The answer to a query that shows these tokens."""
    fields = [part for token in tokens for part in bearer(token)]
    return curl(daybook, "/accounts", *fields, port=port)[1]


@pytest.mark.parametrize("library", ["joserfc", "pyjwt"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tokens_of_other_libraries_are_taken(secured, issuer, algorithm, library):
    token = issuer.token(algorithm, library, sub=f"{library}@bank.example")
    account = f"{algorithm}-{library}"
    code, answer, errors = curl(
        secured, f"/accounts/{account}", *bearer(token), "-H", "Content-Type: application/json", "-d", OPEN
    )
    assert (code, answer and answer.status) == (0, 201), (errors, answer)
    assert actors(secured, account) == [f"{library}@bank.example"]
    for port in (secured.command.port, secured.query.port):
        assert ask(secured, token, port=port).status == 200


def test_a_token_of_a_list_of_audiences_is_taken(secured, issuer):
    assert ask(secured, issuer.token(aud=["elsewhere", AUDIENCE])).status == 200


def test_a_token_has_the_role_and_the_accounts_that_it_names(secured, issuer):
    secured.gateway.open("seen-1")
    secured.gateway.open("unseen-1")
    reader = issuer.token(role="reader", daybook_accounts="seen-*")
    assert curl(secured, "/accounts/seen-1", *bearer(reader))[1].status == 200
    assert curl(secured, "/accounts/unseen-1", *bearer(reader))[1].status == 404
    assert [account["id"] for account in ask(secured, reader).json] == ["seen-1"]
    answer = curl(
        secured, "/accounts/seen-1", *bearer(reader), "-H", "Content-Type: application/json", "-d", json.dumps(deposit(1))
    )[1]
    assert answer.status == 403


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode() if isinstance(value, dict) else value).rstrip(b"=").decode()


def unsigned(issuer, algorithm="none", **header):
    return f"{encoded({'alg': algorithm, 'typ': 'JWT'} | header)}.{encoded(issuer.claims())}."


def under_the_public_key(issuer, algorithm):
    """HS256 with what everybody knows as the secret: what a verifier that trusts the header's algorithm would take."""
    key = issuer.keys[algorithm]
    secret = key.as_pem(private=False)
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': key.kid})}.{encoded(issuer.claims())}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def with_its_own_key(issuer):
    """Signed by a key that it brings along itself."""
    other = Issuer(issuer.path.with_name("other.json")).keys["ES256"]
    header = {"kid": issuer.keys["ES256"].kid, "jwk": other.as_dict(private=False)}
    return jwt.encode(issuer.claims(), other.as_pem(private=True), "ES256", header)


def altered(issuer):
    """A signed token whose claims were changed afterwards."""
    head, _, signature = issuer.token(role="reader").split(".")
    return f"{head}.{encoded(issuer.claims(role='manager'))}.{signature}"


REFUSED = {
    "expired": lambda issuer: issuer.token(exp=1_700_000_000),
    "without an end": lambda issuer: issuer.token(exp=None),
    "not yet valid": lambda issuer: issuer.token(nbf=4_000_000_000, exp=4_000_000_600),
    "for somebody else": lambda issuer: issuer.token(aud="another-ledger"),
    "for nobody": lambda issuer: issuer.token(aud=None),
    "by somebody else": lambda issuer: issuer.token(iss=ISSUER + ".evil.example"),
    "by nobody": lambda issuer: issuer.token(iss=None),
    "of nobody": lambda issuer: issuer.token(sub=None),
    "of no role": lambda issuer: issuer.token(daybook_role=None),
    "of an unknown role": lambda issuer: issuer.token(daybook_role="owner"),
    "none": unsigned,
    "None": lambda issuer: unsigned(issuer, "None"),
    "none, with a key's id": lambda issuer: unsigned(issuer, kid=issuer.keys["ES256"].kid),
    "HS256 under the RSA key": lambda issuer: under_the_public_key(issuer, "RS256"),
    "HS256 under the EC key": lambda issuer: under_the_public_key(issuer, "ES256"),
    "of an unknown key": lambda issuer: issuer.token(header={"kid": "another"}),
    "of another algorithm's key": lambda issuer: issuer.token(header={"kid": issuer.keys["RS256"].kid}),
    "with its own key": with_its_own_key,
    "altered": altered,
    "cut short": lambda issuer: issuer.token()[:-4],
    "without a signature": lambda issuer: issuer.token().rpartition(".")[0] + ".",
    "of two parts": lambda issuer: issuer.token().rpartition(".")[0],
    "nothing": lambda issuer: "no-token",
}


@pytest.mark.parametrize("what", REFUSED)
def test_tokens_that_prove_nothing_are_refused(secured, issuer, what):
    token = REFUSED[what](issuer)
    for port in (secured.command.port, secured.query.port):
        # A second time too: what was refused is not remembered as anything else.
        for _ in range(2):
            answer = ask(secured, token, port=port)
            assert answer.status == 401 and answer.json["type"] == "/problems/unauthenticated", (what, answer)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert token not in answer.body.decode()


def test_two_tokens_are_none(secured, issuer):
    manager, token = secured.secrets.tokens["manager"], issuer.token()
    for pair in ((manager, manager), (manager, token), (token, token), (token, "x")):
        for port in (secured.command.port, secured.query.port):
            assert ask(secured, *pair, port=port).status == 401, pair


def test_no_token_is_logged(secured, issuer):
    token = issuer.token()
    assert ask(secured, token).status == 200
    assert ask(secured, token[:-4]).status == 401
    shown = [token, *secured.secrets.tokens.values()]
    files = [service.output for service in secured.services]
    files += [path.read_text(errors="replace") for path in (secured.directory / "data").glob("*.jsonl")]
    for text in files:
        assert not any(secret in text or secret[:-4] in text for secret in shown)
    for service in secured.services:
        process = (f"/proc/{service.pid}/{name}" for name in ("cmdline", "environ"))
        for path in process:
            with open(path, "rb") as file:
                assert not any(secret.encode() in file.read() for secret in shown)


# ---- pyzmq


def test_a_subscriber_with_a_key_follows_the_log(secured):
    with LogPeer(secured, zmq.SUB, secured.events_port, "subscriber") as peer:
        # Once a heartbeat has come, nothing is missed.
        assert peer.receive(60)
        secured.gateway.open("followed")

        def has_come():
            message = peer.receive()
            return message and message[0] == b"account/AccountOpened/followed/"

        wait_until(has_come, "the event is published")


@pytest.mark.parametrize("how", ["no key", "an unknown key", "the wrong key of the log"])
def test_a_stranger_gets_nothing_not_even_a_heartbeat(secured, how):
    options = {
        "no key": {}, "an unknown key": {"keys": zmq.curve_keypair()},
        "the wrong key of the log": {"name": "subscriber", "server": zmq.curve_keypair()[0]},
    }[how]  # fmt: skip
    with (
        LogPeer(secured, zmq.SUB, secured.events_port, **options) as stranger,
        LogPeer(secured, zmq.SUB, secured.events_port, "subscriber") as known,
    ):
        for _ in range(3):
            assert known.receive(60)
        assert not stranger.receive(0.5)
    for port in (secured.append_port, secured.read_port):
        with LogPeer(secured, zmq.DEALER, port, **options) as stranger:
            assert stranger.ask() is None


def test_each_role_reaches_its_sockets_and_no_other(secured):
    may = {"read": {"append": False, "read": True}, "append": {"append": True, "read": True}}
    may["operate"] = may["append"]
    for name, role in (("subscriber", "read"), ("appender", "append"), ("daybook", "operate")):
        event = frames.Event(uuid4(), "Noted", b"{}")
        append = frames.append_body([frames.Write(f"notes/{name}", None, [event])])
        asked = {
            "append": (secured.append_port, frames.APPEND, append), "read": (secured.read_port, frames.STATUS, b""),
        }  # fmt: skip
        for at, (port, kind, body) in asked.items():
            with LogPeer(secured, zmq.DEALER, port, name) as peer:
                reply = peer.ask(kind, body)
                is_answered = reply is not None and reply[0] == kind | 0x80
                assert is_answered == may[role][at], (role, at, reply)


def test_only_gateways_keep_snapshots(secured):
    keep = 0x11
    body = frames.stream_bytes("account/none") + struct.pack(">Q", 1) + bytes(16 + 16 + 32) + frames.sized(4, b"{}")
    with LogPeer(secured, zmq.DEALER, secured.append_port, "daybook") as peer:
        reply = peer.ask(keep, body)
        assert reply is None or reply[0] == frames.REFUSAL, reply


# ---- roles


def test_every_role_may_what_the_contract_says(secured):
    """One case of each; the matrix of all routes is tested with the services."""
    secured.gateway.open("role")
    secured.wait_until_caught_up()
    may = {
        "/accounts/role": {"reader", "teller", "manager", "auditor"}, "/events?limit=1": {"auditor"}, "/totals": {"auditor"},
        "/metrics": {"operator"}, "/projections": {"operator"}, "/livez": {*ROLES}, "/openapi.json": {*ROLES},
    }  # fmt: skip
    for path, roles in may.items():
        for role in ROLES:
            for service in (secured.command, secured.query):
                status = curl(secured, path, *bearer(secured.secrets.tokens[role]), port=service.port)[1].status
                if path == "/projections" and service is secured.command:
                    continue
                assert status == (200 if role in roles else 403), (path, role, service.program)


def test_the_tls_of_the_services_is_verified_by_default_contexts(secured):
    context = ssl.create_default_context(cafile=str(secured.secrets.authority.certificate))
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
    for service in secured.services:
        with socket.create_connection(("127.0.0.1", service.port), 30) as plain, context.wrap_socket(plain, server_hostname="localhost") as spoken:
            assert spoken.version() == "TLSv1.3"

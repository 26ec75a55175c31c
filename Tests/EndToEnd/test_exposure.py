"""A service refuses to listen where other machines can reach it, unless it is protected or told that it need not be."""

import pytest

from certificates import Authority
from guarded import Tokens, connect, head, read_to_end, trusting
from services import wait_until

pytestmark = pytest.mark.open_only("it has secrets of its own, in one form of the harness as in the other")

PROGRAMS = {"event_log": "EVENT_LOG_HTTP_ADDRESS", "command": "COMMAND_HTTP_ADDRESS", "query": "QUERY_HTTP_ADDRESS"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return Tokens(tmp_path_factory.mktemp("tokens") / "tokens.jsonl")


def at(daybook, program, host):
    service = getattr(daybook, program)
    service.variables[PROGRAMS[program]] = f"{host}:{service.port}"
    return service


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "daybook.example", "[::ffff:127.0.0.1]", "127.1"])
def test_an_address_that_others_reach_needs_protection(start_daybook, program, host):
    service = at(start_daybook(start=False), program, host)
    service.start(wait=False)
    assert service.wait_for_end() == 64, service.output
    line = service.output.splitlines()[-1]
    for word in (PROGRAMS[program], host, "HTTP_TLS_CERTIFICATE", "ACCESS_TOKENS", "ACCESS_JWKS", "HTTP_TLS_CLIENT_CA", "ALLOW_INSECURE"):
        assert word in line, line


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_line_names_only_what_is_missing(start_daybook, authority, tokens, tmp_path, program):
    certificate, key = authority.issue_server(tmp_path)
    tls = {"HTTP_TLS_CERTIFICATE": str(certificate), "HTTP_TLS_PRIVATE_KEY": str(key)}
    daybook = start_daybook(start=False)
    service = at(daybook, program, "0.0.0.0")
    for settings, missing, there in (
        (tls, "ACCESS_TOKENS", "HTTP_TLS_CERTIFICATE and"), ({"ACCESS_TOKENS": str(tokens.path)}, "HTTP_TLS_CERTIFICATE and", "ACCESS_JWKS"),
    ):
        service.variables = {PROGRAMS[program]: f"0.0.0.0:{service.port}"} | settings
        service.start(wait=False)
        assert service.wait_for_end() == 64, service.output
        line = service.output.splitlines()[-1]
        assert missing in line and there not in line, line


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.9"])
def test_loopback_needs_none(start_daybook, program, host):
    service = at(start_daybook(start=False), program, host)
    service.start(wait=False)
    wait_until(lambda: "listening" in service.output, "it listens")
    assert "not protected" not in service.output


@pytest.mark.parametrize("program", PROGRAMS)
def test_who_allows_it_is_warned(start_daybook, program):
    daybook = start_daybook(start=False, ALLOW_INSECURE="yes")
    service = at(daybook, program, "0.0.0.0")
    daybook.start()
    assert "not protected" in service.output
    (warning,) = service.figures()["warnings"]
    assert PROGRAMS[program] in warning and "ALLOW_INSECURE" in warning, warning


@pytest.mark.parametrize("access", ["tokens", "certificates"])
def test_a_protected_service_may_be_reached(start_daybook, authority, tokens, tmp_path, access):
    certificate, key = authority.issue_server(tmp_path)
    settings = {"HTTP_TLS_CERTIFICATE": certificate, "HTTP_TLS_PRIVATE_KEY": key}
    own = ()
    if access == "tokens":
        settings["ACCESS_TOKENS"] = tokens.path
    else:
        settings["HTTP_TLS_CLIENT_CA"] = authority.certificate
        own = authority.issue_client(tmp_path, "till-1")
    service = at(start_daybook(start=False, **settings), "event_log", "0.0.0.0")
    service.start(wait=False)
    context = trusting(authority, *own)

    def is_ready():
        try:
            with connect(service.port, context) as connection:
                connection.sendall(head("GET", "/readyz", Connection="close"))
                return b" 200 " in read_to_end(connection)
        except OSError:
            return False

    wait_until(is_ready, "it is ready")
    assert "not protected" not in service.output

"""HTTP over TLS: versions, certificates, their change under load, and clients that are slow or speak something else."""

import contextlib
import ipaddress
import json
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certificates import Authority
from client import responses
from guarded import connect, head, read_to_end, read_until, trusting
from services import STOP_DEADLINE, wait_until
from timing import within
from test_connections import few_descriptors
from whole_files import write_whole

pytestmark = pytest.mark.open_only("it has secrets of its own, in one form of the harness as in the other")

OPEN = json.dumps({"type": "OpenAccount", "owner": "Eve", "initial_balance": 1}).encode()


def ask(port, context, target="/livez", method="GET", headers={}, body=b""):
    with connect(port, context) as connection:
        length = {"Content-Length": str(len(body)), "Content-Type": "application/json"} if body else {}
        connection.sendall(head(method, target, headers | length, Connection="close") + body)
        (answer,) = responses(read_to_end(connection))
        return answer


def is_answered(port, context, target="/livez"):
    """Whether there is any answer; with TLS 1.3 a client learns of a refusal only when it reads."""
    try:
        return ask(port, context, target).status == 200
    except (OSError, ValueError):
        return False


def wait_for_service(service, context):
    wait_until(lambda: service.is_running and is_answered(service.port, context, "/readyz"), f"{service.program} is ready", 60)


class Secured:
    """The three services, each with TLS."""

    def __init__(self, start_daybook, folder, **settings):
        self.folder = folder
        self.authority = Authority(folder)
        self.certificate, self.key = self.authority.issue_server(folder)
        self.context = trusting(self.authority)
        self.daybook = start_daybook(
            start=False, HTTP_TLS_CERTIFICATE=self.certificate, HTTP_TLS_PRIVATE_KEY=self.key,
            QUERY_URL_CA=self.authority.certificate, **settings,
        )
        self.port = self.daybook.command.port

    def start(self, context=None):
        for service in self.daybook.services:
            service.start(wait=False)
        for service in self.daybook.services:
            wait_for_service(service, context or self.context)
        return self


@pytest.fixture(scope="module")
def secured(module_services, tmp_path_factory):
    return Secured(module_services, tmp_path_factory.mktemp("secured")).start()


def curl(secured, *arguments):
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "30", "--cacert", secured.authority.certificate, *arguments], capture_output=True, text=True
    )
    return done.returncode, done.stdout


def test_curl_speaks_with_every_service(secured):
    for service in secured.daybook.services:
        for host in ("localhost", "127.0.0.1"):
            for version in (["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3"], []):
                code, output = curl(secured, *version, f"https://{host}:{service.port}/readyz")
                assert code == 0 and json.loads(output)["status"] == "ready", (code, output)
    # Without the authority it is a stranger.
    done = subprocess.run(["curl", "-sS", f"https://localhost:{secured.port}/livez"], capture_output=True)
    assert done.returncode == 60, done


def test_commands_and_queries_go_through_both_connections(secured):
    assert ask(secured.port, secured.context, "/accounts/ada", "POST", body=OPEN).status == 201
    assert ask(secured.port, secured.context, "/accounts/ada").json["balance"] == 1
    assert ask(secured.daybook.query.port, secured.context, "/accounts/ada").json["balance"] == 1
    code, output = curl(secured, "-d", OPEN.decode(), "-H", "Content-Type: application/json", f"https://localhost:{secured.port}/accounts/bob")
    assert code == 0, output


def test_older_versions_of_tls_are_refused(secured):
    for service in secured.daybook.services:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(str(secured.authority.certificate))
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError):
            connect(service.port, old)
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            one = trusting(secured.authority)
            one.minimum_version = one.maximum_version = version
            with connect(service.port, one) as connection:
                assert connection.version() == name


def test_http_1_1_is_what_is_agreed_on(secured):
    context = trusting(secured.authority)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(secured.port, context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


def test_whoever_speaks_no_tls_is_ended_and_ends_nothing(secured):
    for service in secured.daybook.services:
        for sent in (head("GET", "/livez"), b"\x16\x03\x01\xff\xff" + bytes(70_000), b"\x00" * 10, b"\x80\x2e\x01\x00\x02"):
            with connect(service.port, timeout=60) as connection:
                try:
                    connection.sendall(sent)
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                assert b"200" not in read_to_end(connection)
        assert ask(service.port, secured.context).status == 200


def test_a_handshake_that_does_not_end_is_ended(secured):
    for service in secured.daybook.services:
        with connect(service.port, timeout=60) as silent, connect(service.port, timeout=60) as begun:
            begun.sendall(b"\x16\x03\x01")
            for connection in (silent, begun):
                assert read_to_end(connection) == b""
        assert ask(service.port, secured.context).status == 200


def test_a_head_that_does_not_end_is_ended_over_tls_too(secured):
    for sent in (b"GET /livez HT", b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"):
        with connect(secured.port, secured.context, timeout=60) as connection:
            connection.sendall(sent)
            assert b" 408 " in read_to_end(connection)


def test_a_connection_that_rests_after_its_handshake_is_kept(secured):
    with connect(secured.port, secured.context) as connection:
        # Longer than a handshake, or a head, may take.
        time.sleep(17)
        connection.sendall(head("GET", "/livez"))
        assert b"200" in read_until(connection, b"}")


def test_requests_of_all_shapes_are_answered_as_without_tls(secured):
    one = head("GET", "/accounts") + head("POST", "/accounts/ada", Content_Type="application/json", Content_Length="2") + b"{}"
    with connect(secured.port, secured.context) as connection:
        connection.sendall(one * 50 + head("GET", "/livez", Connection="close"))
        assert [answer.status for answer in responses(read_to_end(connection))] == [200, 400] * 50 + [200]
    # A client that closes its end of TCP without a word of TLS still gets its answer.
    with connect(secured.port, secured.context) as connection:
        connection.sendall(head("GET", "/accounts"))
        raw = connection.detach()
        with socket.socket(fileno=raw) as plain:
            plain.shutdown(socket.SHUT_WR)
            plain.settimeout(30)
            assert len(read_to_end(plain)) > 100
    # What is malformed is refused over TLS, too, and the answer arrives.
    with connect(secured.port, secured.context) as connection:
        connection.sendall(b"GET / HTTP/9.9\r\n\r\n" + bytes(200_000))
        assert b"505" in read_to_end(connection)


def test_a_long_answer_arrives_whole_at_a_slow_reader(secured):
    port = secured.port
    with connect(port, secured.context, timeout=120) as connection:
        lines = b"".join(
            json.dumps({"account": f"long-{number}", "type": "OpenAccount", "owner": "x" * 100, "initial_balance": 1}).encode() + b"\n"
            for number in range(3000)
        )
        connection.sendall(
            head("POST", "/commands", Content_Type="application/x-ndjson", Content_Length=str(len(lines)), Connection="close")
        )
        sender = threading.Thread(target=connection.sendall, args=(lines,))
        sender.start()
        received = read_to_end(connection)
        sender.join()
    assert received.count(b'"status":201') == 3000
    code, output = curl(secured, "--limit-rate", "400k", f"https://localhost:{port}/accounts?limit=1000")
    assert code == 0 and len(json.loads(output)) == 1000


# MARK: files


@pytest.mark.parametrize("program", ["event_log", "command", "query"])
@pytest.mark.parametrize("fault, words", [
    ("readable key", "chmod 600"), ("no key", "cannot read"), ("another key", "the key is not the certificate's"),
    ("no certificate", "holds no certificate"), ("key alone", "HTTP_TLS_CERTIFICATE is not"),
    ("link", "symbolic link"),
])
def test_files_that_cannot_be_used_are_a_wrong_setting(start_daybook, tmp_path, program, fault, words):
    secured = Secured(start_daybook, tmp_path)
    service = getattr(secured.daybook, program)
    match fault:
        case "readable key":
            secured.key.chmod(0o640)
        case "no key":
            secured.key.unlink()
        case "another key":
            _, key = secured.authority.issue_server(tmp_path, "other")
            key.rename(secured.key)
        case "no certificate":
            secured.certificate.write_text("nonsense")
        case "key alone":
            service.variables = {"HTTP_TLS_CERTIFICATE": "none"}
        case "link":
            secured.key.rename(tmp_path / "real")
            secured.key.symlink_to(tmp_path / "real")
    service.start(wait=False)
    assert service.wait_for_end() == 64, service.output
    assert words in service.output.splitlines()[-1], service.output


def serial(port, context):
    with connect(port, context) as connection:
        return connection.getpeercert()["serialNumber"]


def test_a_new_certificate_is_taken_under_load_and_no_request_is_lost(start_daybook, tmp_path):
    secured = Secured(start_daybook, tmp_path).start()
    failures, done, counts = [], threading.Event(), [0] * 8

    def load(number):
        connection = None
        while not done.is_set():
            try:
                # Some keep their connection, others make one for each request.
                connection = connection or connect(secured.port, secured.context, timeout=60)
                connection.sendall(head("GET", "/accounts"))
                assert read_until(connection, b"]").startswith(b"HTTP/1.1 200 ")
                counts[number] += 1
                if number % 2:
                    connection.close()
                    connection = None
            except Exception as error:
                failures.append(repr(error))
                return

    threads = [threading.Thread(target=load, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        for service in secured.daybook.services:
            wait_until(lambda: all(counts), "all clients are at work", 60)
        for _ in range(3):
            before = serial(secured.port, secured.context)
            secured.authority.issue_server(tmp_path)
            begun = time.monotonic()
            for service in secured.daybook.services:
                wait_until(lambda: serial(service.port, secured.context) != before, f"{service.program} has the new one")
            print("effective after", time.monotonic() - begun)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]
    assert all(service.is_running for service in secured.daybook.services)


def test_broken_files_leave_the_old_ones_in_force_with_a_warning(start_daybook, tmp_path):
    secured = Secured(start_daybook, tmp_path).start()
    before = serial(secured.port, secured.context)
    whole = secured.key.read_bytes()
    secured.key.write_bytes(whole[: len(whole) // 2])

    def warnings():
        return ask(secured.port, secured.context, "/readyz").json.get("warnings", [])

    wait_until(lambda: any("HTTP_TLS_CERTIFICATE" in warning for warning in warnings()), "there is a warning")
    assert serial(secured.port, secured.context) == before
    assert ask(secured.port, secured.context, "/accounts").status == 200
    secured.key.write_bytes(whole)
    wait_until(lambda: not warnings(), "the warning is gone")


def test_sighup_has_the_files_read_again_and_ends_nothing(start_daybook, tmp_path):
    secured = Secured(start_daybook, tmp_path).start()
    with connect(secured.port, secured.context) as connection:
        for service in secured.daybook.services:
            for _ in range(3):
                service.send(1)
        wait_until(lambda: "was read again" in secured.daybook.command.output, "the files are read")
        connection.sendall(head("GET", "/livez"))
        assert b"200" in read_until(connection, b"}")
    for service in secured.daybook.services:
        assert service.is_running
        assert service.stop() == 0


# MARK: certificates of clients


@pytest.fixture(scope="module")
def certified(module_services, tmp_path_factory):
    folder = tmp_path_factory.mktemp("certified")
    clients = Authority(folder / "clients", "Clients")
    secured = Secured(module_services, folder, HTTP_TLS_CLIENT_CA=clients.certificate)
    # The gateway shows its own certificate to the query service, which takes those of the clients' authority.
    secured.clients = clients
    own = clients.issue_client(folder, "till-1")
    secured.till = trusting(secured.authority, *own)
    both = folder / "both.pem"
    both.write_bytes(clients.certificate.read_bytes() + secured.authority.certificate.read_bytes())
    secured.daybook.settings["HTTP_TLS_CLIENT_CA"] = both
    # It is a server to its clients, and a client of the query service.
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate, key = signed(secured.authority, folder, ["gateway"], hosts=["localhost"], usages=usages)
    secured.daybook.settings |= {"HTTP_TLS_CERTIFICATE": certificate, "HTTP_TLS_PRIVATE_KEY": key}
    return secured.start(secured.till)


def test_a_client_without_a_certificate_gets_nothing(certified, tmp_path):
    strangers = Authority(tmp_path, "Strangers")
    stranger = trusting(certified.authority, *strangers.issue_client(tmp_path, "till-1"))
    for service in certified.daybook.services:
        assert not is_answered(service.port, trusting(certified.authority))
        assert not is_answered(service.port, stranger)
        assert is_answered(service.port, certified.till)


def test_a_certificate_is_enough_where_no_tokens_are_asked_for(certified):
    assert ask(certified.port, certified.till, "/accounts/by-till", "POST", body=OPEN).status == 201
    assert ask(certified.port, certified.till, "/accounts/by-till").status == 200
    assert ask(certified.port, certified.till, "/metrics").status == 200
    assert "position" in ask(certified.port, certified.till, "/readyz").json


def test_an_authority_that_is_taken_out_is_not_believed_on_open_connections_either(certified, tmp_path):
    both = Path(certified.daybook.settings["HTTP_TLS_CLIENT_CA"])
    old = both.read_bytes()
    others = Authority(tmp_path, "Others")
    accounts = head("GET", "/accounts")
    with connect(certified.port, certified.till) as resting, connect(certified.port, certified.till) as feed:
        resting.sendall(accounts)
        assert b"HTTP/1.1 200 " in read_until(resting, b"\r\n\r\n[")
        feed.sendall(head("GET", "/events?wait=60s", Accept="text/event-stream"))
        read_until(feed, b": after position")
        try:
            write_whole(both, others.certificate.read_bytes() + certified.authority.certificate.read_bytes())
            # Neither is asked for anything: both end.
            for connection in (resting, feed):
                connection.settimeout(30)
                read_to_end(connection)
            assert not is_answered(certified.port, certified.till)
        finally:
            write_whole(both, old)
            wait_until(lambda: is_answered(certified.port, certified.till), "it is believed again")
    # The gateway proves itself to the query service anew, too.
    assert ask(certified.port, certified.till, "/accounts").status == 200


def test_curl_shows_its_certificate(certified, tmp_path):
    certificate, key = certified.clients.issue_client(tmp_path, "till-2")
    code, output = curl(certified, "--cert", certificate, "--key", key, f"https://localhost:{certified.port}/accounts")
    assert code == 0 and output.startswith("["), output


@pytest.mark.parametrize("names", [[], ["a", "b"], ["x" * 129], ["till one"], ["tíll"]])
def test_a_certificate_without_one_name_that_can_be_an_actor_is_refused(certified, tmp_path, names):
    context = trusting(certified.authority, *signed(certified.clients, tmp_path, names))
    for service in certified.daybook.services:
        assert not is_answered(service.port, context)


def signed(authority, folder, names, hosts=(), usages=(ExtendedKeyUsageOID.CLIENT_AUTH,)):
    """A certificate whose subject has these common names, and which is for these hosts and for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name, _validate=False) for name in names])
    begun = authority._begin(subject, key).add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if hosts:
        alternatives = [x509.DNSName(host) for host in hosts]
        if "localhost" in hosts:
            alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        begun = begun.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    files = folder / "signed.pem", folder / "signed-key.pem"
    write_whole(files[0], begun.sign(authority._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    write_whole(files[1], key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return files


# MARK: the gateway and the query service


@pytest.mark.parametrize("fault", ["another authority", "another name", "no tls", "own certificate"])
def test_a_gateway_that_cannot_trust_the_query_service_says_so(start_daybook, tmp_path, fault):
    secured = Secured(start_daybook, tmp_path)
    daybook = secured.daybook
    match fault:
        case "another authority":
            daybook.command.variables = {"QUERY_URL_CA": str(Authority(tmp_path / "other").certificate)}
        case "another name":
            certificate, key = signed(
                secured.authority, tmp_path, ["elsewhere"], ["elsewhere.example"], [ExtendedKeyUsageOID.SERVER_AUTH]
            )
            daybook.query.variables = {"HTTP_TLS_CERTIFICATE": str(certificate), "HTTP_TLS_PRIVATE_KEY": str(key)}
        case "own certificate":
            # Only to servers it is one.
            daybook.query.variables = {"HTTP_TLS_CLIENT_CA": str(Authority(tmp_path / "clients").certificate)}
        case "no tls":
            daybook.query.variables = {"HTTP_TLS_CERTIFICATE": "none", "HTTP_TLS_PRIVATE_KEY": "none"}
    for service in daybook.services:
        service.start(wait=False)

    def missing():
        try:
            return ask(daybook.command.port, secured.context, "/readyz").json.get("missing", [])
        except (OSError, ValueError):
            return []

    wait_until(lambda: any("handshake of TLS fails" in text for text in missing()), "the gateway says why", 60)
    assert ask(daybook.command.port, secured.context, "/accounts").status == 503


def test_a_feed_through_both_connections_goes_on_and_ends_with_the_service(secured):
    with connect(secured.port, secured.context, timeout=60) as feed:
        feed.sendall(head("GET", "/events?wait=60s", Accept="text/event-stream"))
        read_until(feed, b": after position")
        assert ask(secured.port, secured.context, "/accounts/for-the-feed", "POST", body=OPEN).status == 201
        assert b"for-the-feed" in read_until(feed, b"for-the-feed")


@within(STOP_DEADLINE)
def test_services_with_connections_that_rest_stop_in_time(start_daybook, tmp_path, limit):
    secured = Secured(start_daybook, tmp_path).start()
    resting = [connect(service.port, secured.context) for service in secured.daybook.services for _ in range(20)]
    handshaking = [connect(service.port) for service in secured.daybook.services for _ in range(5)]
    feeds = [connect(secured.port, secured.context) for _ in range(5)]
    for feed in feeds:
        feed.sendall(head("GET", "/events?wait=60s", Accept="text/event-stream"))
        read_until(feed, b": after position")
    for service in (secured.daybook.command, secured.daybook.query, secured.daybook.event_log):
        assert service.stop(deadline=limit) == 0, service.output[-2000:]
    for connection in resting + handshaking + feeds:
        connection.close()


def test_more_handshakes_than_descriptors_end_nothing(start_daybook, tmp_path, monkeypatch):
    few_descriptors(monkeypatch, 256)
    secured = Secured(start_daybook, tmp_path).start()
    for service in secured.daybook.services:
        with contextlib.ExitStack() as stack:
            for number in range(400):
                silent = stack.enter_context(socket.socket())
                silent.bind((f"127.0.3.{1 + number % 200}", 0))
                silent.connect(("127.0.0.1", service.port))
                if number % 2:
                    silent.sendall(b"\x16\x03\x01\x02\x00")
            wait_until(lambda: is_answered(service.port, secured.context), "health is answered", 60)
        wait_until(lambda: is_answered(service.port, secured.context, "/problems"), "others are answered", 60)
        assert service.is_running
    assert ask(secured.port, secured.context, "/accounts/few", "POST", body=OPEN).status == 201

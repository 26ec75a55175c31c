"""`daybook keys`: pairs of keys, and the file that names the log's peers."""

import json
import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import zmq

from services import PROGRAMS, environment


@pytest.fixture
def keys(tmp_path):
    """Runs `daybook keys` in a folder of the test's own."""

    def run(*arguments, settings={}, umask=0o022):
        return subprocess.run(
            [PROGRAMS / "daybook", "keys", *map(str, arguments)], cwd=tmp_path, env=environment(settings),
            capture_output=True, text=True, timeout=60, check=False, umask=umask,
        )  # fmt: skip

    return run


def public_key():
    return zmq.curve_keypair()[0].decode()


def listed(keys, peers):
    result = keys("list", "--peers", peers, "--json")
    assert result.returncode == 0, result
    return [json.loads(line) for line in result.stdout.splitlines()]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_new_key_is_for_its_owner_alone_and_only_its_public_half_is_shown(keys, tmp_path, umask):
    result = keys("new", "gateway-1", "--out", tmp_path / "keys" / "gateway-1.key", umask=umask)
    assert result.returncode == 0 and result.stderr == "", result
    public = result.stdout.strip()
    file = tmp_path / "keys" / "gateway-1.key"
    assert mode(file) == 0o600 and mode(file.parent) & 0o077 == 0
    secret = file.read_text().strip()
    assert zmq.curve_public(secret.encode()).decode() == public
    assert secret not in result.stdout
    assert list(file.parent.iterdir()) == [file], "no draft is left"


def test_a_key_is_never_overwritten(keys, tmp_path):
    file = tmp_path / "a.key"
    assert keys("new", "a", "--out", file).returncode == 0
    before = file.read_bytes()
    result = keys("new", "a", "--out", file)
    assert result.returncode == 73 and "already" in result.stderr, result
    link = tmp_path / "link.key"
    link.symlink_to(tmp_path / "elsewhere")
    assert keys("new", "a", "--out", link).returncode == 73
    assert file.read_bytes() == before and not (tmp_path / "elsewhere").exists()


def test_new_as_json(keys, tmp_path):
    result = keys("new", "a", "--out", "a.key", "--json")
    shown = json.loads(result.stdout)
    assert shown["name"] == "a" and shown["file"] == "a.key" and len(shown["key"]) == 40
    assert set(shown) == {"name", "file", "key"}


def test_peers_are_allowed_listed_and_revoked(keys, tmp_path):
    peers, (one, two) = tmp_path / "keys" / "peers", (public_key(), public_key())
    assert keys("allow", "gateway-1", "--role", "append", "--key", one, "--peers", peers).returncode == 0
    assert mode(peers) == 0o600
    assert keys("allow", "analyst", "--role", "read", "--key", two, "--peers", peers).returncode == 0
    assert listed(keys, peers) == [
        {"name": "analyst", "role": "read", "key": two}, {"name": "gateway-1", "role": "append", "key": one},
    ]  # fmt: skip
    assert keys("allow", "analyst", "--role", "operate", "--key", two, "--peers", peers).returncode == 0
    assert listed(keys, peers)[0]["role"] == "operate"
    for name, key in (("analyst", public_key()), ("other", one)):
        result = keys("allow", name, "--role", "read", "--key", key, "--peers", peers)
        assert result.returncode == 1 and "another peer" in result.stderr, result
    assert keys("revoke", "gateway-1", "--peers", peers).returncode == 0
    assert [peer["name"] for peer in listed(keys, peers)] == ["analyst"]
    result = keys("revoke", "gateway-1", "--peers", peers)
    assert result.returncode == 1 and "gateway-1" in result.stderr
    assert [path.name for path in peers.parent.iterdir()] == ["peers"]
    assert "analyst" in keys("list", "--peers", peers).stdout


def test_the_file_of_peers_may_be_a_setting(keys, tmp_path):
    peers = tmp_path / "peers"
    assert keys("allow", "a", "--role", "read", "--key", public_key(), settings={"EVENT_LOG_PEERS": peers}).returncode == 0
    assert [peer["name"] for peer in listed(keys, peers)] == ["a"]
    result = keys("list")
    assert result.returncode == 64 and "EVENT_LOG_PEERS" in result.stderr


def test_a_key_may_begin_with_a_hyphen(keys, tmp_path):
    key = "-" + public_key()[1:]
    result = keys("allow", "a", "--role", "read", "--key", key, "--peers", "peers")
    assert result.returncode == 0, result
    assert [peer["key"] for peer in listed(keys, "peers")] == [key]


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "ä", "a" * 65, "a\x1b[2J", 'a"'])
def test_names_that_are_none_are_refused(keys, tmp_path, name):
    result = keys("allow", f"--role=read", f"--key={public_key()}", "--peers=peers", "--", name)
    assert result.returncode == 64 and "\x1b" not in result.stderr, result
    assert not (tmp_path / "peers").exists()


def test_what_is_no_public_key_is_refused_and_not_shown(keys, tmp_path):
    secret = zmq.curve_keypair()[1].decode()[:39]
    result = keys("allow", "a", "--role", "read", "--key", secret, "--peers", "peers")
    assert result.returncode == 64 and "no public key" in result.stderr and secret not in result.stderr, result
    assert keys("allow", "a", "--role", "admin", "--key", public_key(), "--peers", "peers").returncode == 64


def test_a_file_that_is_broken_or_not_to_be_trusted_stays_as_it_is(keys, tmp_path):
    peers = tmp_path / "peers"
    peers.write_text("{\n")
    peers.chmod(0o600)
    result = keys("allow", "a", "--role", "read", "--key", public_key(), "--peers", peers)
    assert result.returncode == 65 and "line 1" in result.stderr, result
    assert peers.read_text() == "{\n"
    peers.write_text("")
    peers.chmod(0o666)
    result = keys("allow", "a", "--role", "read", "--key", public_key(), "--peers", peers)
    assert result.returncode == 66 and "chmod 600" in result.stderr and peers.read_text() == "", result
    assert keys("list", "--peers", tmp_path / "none").returncode == 66
    assert keys("revoke", "a", "--peers", tmp_path / "none").returncode == 66
    assert not (tmp_path / "none").exists()


def test_changes_at_the_same_time_are_all_made(keys, tmp_path):
    peers = tmp_path / "peers"
    names = [f"p{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(lambda name: keys("allow", name, "--role", "read", "--key", public_key(), "--peers", peers), names)
        )
    assert all(result.returncode == 0 for result in results), results
    assert sorted(peer["name"] for peer in listed(keys, peers)) == sorted(names)
    assert [path.name for path in tmp_path.iterdir()] == ["peers"]


def test_secrets_are_no_flags(keys):
    for command in ("new", "allow", "revoke", "list"):
        text = keys(command, "--help").stdout
        assert "secret" not in text.replace("secret one in a new file", "").replace("for the secret key", ""), text


def test_new_keys_of_many_runs_differ(keys, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda number: keys("new", "a", "--out", f"{number}.key").stdout.strip(), range(16)))
    assert len(set(made)) == 16 and not any(key.startswith("-") for key in made)
    assert os.listdir(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to somebody else")
def test_the_file_of_peers_stays_its_owners(keys, tmp_path):
    peers = tmp_path / "peers"
    assert keys("allow", "a", "--role", "read", "--key", public_key(), "--peers", peers).returncode == 0
    os.chown(peers, 1234, 2345)
    assert keys("allow", "b", "--role", "read", "--key", public_key(), "--peers", peers).returncode == 0
    assert (peers.stat().st_uid, peers.stat().st_gid) == (1234, 2345)
    assert keys("revoke", "a", "--peers", peers).returncode == 0
    assert (peers.stat().st_uid, peers.stat().st_gid) == (1234, 2345)
    assert [peer["name"] for peer in listed(keys, peers)] == ["b"]

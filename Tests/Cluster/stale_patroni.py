"""A Patroni that decides for ever on what etcd told it once.

Versions before 3.1 do not read a key anew if it turns out to have been changed by somebody else, which happens to them after
their host was frozen or had no processor (Patroni's issue 2779). The primary's then tries in vain to name a synchronous standby,
every second, until it is restarted. Debian 12 has 3.0.
"""

import signal

from host import send

SIGN = b"Synchronous replication key updated by someone else"
# A try a second. After a change of roles a few may fail.
ENOUGH = 10
_REACH = 8192


def is_stale(log):
    """Whether the end of what a Patroni wrote says so."""
    return log.count(SIGN) >= ENOUGH


def restart(host):
    """Kills the host's Patroni if it is stale. It is started again, and its PostgreSQL server runs on; how many were killed."""
    log = host.folder / "patroni.log"
    if not host.is_running or not log.exists():
        return 0
    end = log.stat().st_size
    with open(log, "rb") as file:
        file.seek(max(host.patroni_read, end - _REACH))
        if not is_stale(file.read()):
            return 0
    # What it wrote until now says nothing of the next one.
    host.patroni_read = end
    pids = host.pids_of("patroni")
    for pid in pids:
        send(pid, signal.SIGKILL)
    return len(pids)

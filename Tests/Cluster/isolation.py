"""Namespaces of its own for a program that starts a cluster: nothing that it starts can stay behind, and, if it wants, a
network of its own, in which hosts can be cut off.

Needs root, or a kernel that lets users make user namespaces, as Debian's does.
"""

import ctypes
import os
import shutil
import signal
import sys
import tempfile

NEWNS, NEWPID, NEWNET = 0x00020000, 0x20000000, 0x40000000
_PRIVATE_AND_RECURSIVE = 1 << 18 | 1 << 14
_PR_SET_PDEATHSIG = 1
# In the environment of the program: its number outside.
OUTER_PID = "DAYBOOK_CLUSTER_OUTER_PID"
_HAS_CAPABILITIES = "DAYBOOK_CLUSTER_HAS_CAPABILITIES"

_libc = ctypes.CDLL(None, use_errno=True)


def enter(own_network):
    """Goes on as the first process of a new PID namespace, and gives the folder for everything that the program makes.

    When the program ends, for whatever reason, the kernel kills all that it has started, and the folder is removed. The
    process that was called waits for that, passes SIGINT and SIGTERM on, and ends as the program does.
    """
    if os.geteuid() != 0 and _HAS_CAPABILITIES not in os.environ:
        # As this very user, with the rights in the namespace that are needed below.
        again = ["unshare", "--map-current-user", "--keep-caps", sys.executable, *sys.argv]
        os.execvpe("unshare", again, os.environ | {_HAS_CAPABILITIES: "1"})
    _call("unshare", _libc.unshare(NEWPID))
    folder = tempfile.mkdtemp(prefix="daybook-cluster-")
    # Servers of another user have their folders in it.
    os.chmod(folder, 0o711)
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    theirs, ours = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        with open(theirs) as pipe:
            os.environ[OUTER_PID] = pipe.read()
        _call("prctl", _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
        # What is mounted here, its parent does not see: it can remove the folder.
        _call("unshare", _libc.unshare(NEWNS | (NEWNET if own_network else 0)))
        _call("mount", _libc.mount(b"none", b"/", None, _PRIVATE_AND_RECURSIVE, None))
        _call("mount /proc", _libc.mount(b"proc", b"/proc", b"proc", 0, None))
        # The first process of a namespace gets only the signals that it handles.
        signal.signal(signal.SIGTERM, _exit)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        return folder
    os.close(theirs)
    with open(ours, "w") as pipe:
        pipe.write(str(child))
    for number in signals:
        signal.signal(number, lambda number, _: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.flush()
    os._exit(os.waitstatus_to_exitcode(status) % 256)


def mount_memory(path, size):
    """Mounts a file system in memory, so that a disk can be filled without harm to anybody else."""
    path.mkdir(parents=True)
    _call("mount tmpfs", _libc.mount(b"tmpfs", str(path).encode(), b"tmpfs", 0, f"size={size},mode=0755".encode()))


def end_with_parent():
    """To be called in a child before its program is started: it ends when the thread that started it does."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _exit(number, _):
    sys.exit(128 + number)


def _call(what, result):
    if result != 0:
        number = ctypes.get_errno()
        sys.exit(f"{what}: {os.strerror(number)}; the cluster needs root, or user namespaces (README, For contributors)")

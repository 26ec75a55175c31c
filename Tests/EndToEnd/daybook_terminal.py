"""Runs programs on a terminal of the test's own."""

import fcntl
import os
import pty
import struct
import subprocess
import termios


def run_on_terminal(command, columns=80, timeout=60, **options):
    """The exit code of a program, and all that it wrote to its terminal."""
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, **options)
    finally:
        os.close(theirs)
    written = b""
    try:
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # The last program that had the terminal is gone.
                break
            if not part:
                break
            written += part
        return process.wait(timeout), written.decode()
    finally:
        process.kill()
        process.wait()
        os.close(ours)

"""Counts what the hot parts of Daybook take, one at a time: instructions and allocations, never time.

Each part is done few times and many times; what the two runs differ by, divided by the difference in number, is what
doing it once takes. So starting and preparing do not count.
"""

import functools
import os
import re
import subprocess
import tempfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".build" / "release" / "hot-parts"
COUNTER = Path(__file__).with_name("count_allocations.c")
MADE = ROOT / ".build" / "guards"
FEW, MANY = 512, 2560
# In seconds, of one run: valgrind is slow, and the machine may be busy.
LIMIT = 600

# What doing a part once takes. Allocations to a tenth: a part may need one only every other time.
Cost = namedtuple("Cost", "instructions allocations")


class Unmeasurable(Exception):
    """A count that means nothing."""


def names():
    """The parts that there are."""
    return _run([PROGRAM]).stdout.split()


def measure(parts):
    """What each part costs, by its name; side by side, since no count depends on who else is running."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(parts, pool.map(_measure, parts)))


def _measure(part):
    return Cost(
        instructions=round(per_operation(part, "instructions", count_instructions)),
        allocations=round(per_operation(part, "allocations", count_allocations), 1),
    )


def per_operation(part, what, count):
    """What doing the part once takes, where `count(part, number)` tells what doing it so many times does."""
    few, many = count(part, FEW), count(part, MANY)
    # Each run does something, so 0 means that nothing was counted; and every part takes instructions each time.
    if few <= 0 or many < few or (many == few and what == "instructions"):
        raise Unmeasurable(f"{part}: {few:,} {what} for {FEW} times, {many:,} for {MANY}: these cannot be right")
    return (many - few) / (MANY - FEW)


def count_instructions(part, number):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", _stripped(), part, str(number)]
    told = _run(command).stderr
    collected = re.search(r"Collected : (\d+)", told)
    if not collected:
        raise Unmeasurable(f"{part}: valgrind tells of no instructions:\n{told}")
    return int(collected[1])


def count_allocations(part, number):
    with tempfile.NamedTemporaryFile() as file:
        _run([PROGRAM, part, str(number)], LD_PRELOAD=str(_counter()), ALLOCATIONS_FILE=file.name)
        return int(file.read() or 0)


def _run(command, **variables):
    """Runs a command in an environment that is always the same, but for where files and libraries are."""
    for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR"):
        if name in os.environ:
            variables[name] = os.environ[name]
    # Else the places in hash tables, and so the steps to find them, differ from run to run.
    variables["SWIFT_DETERMINISTIC_HASHING"] = "1"
    try:
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=True, timeout=LIMIT)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unmeasurable(f"{error}\n{getattr(error, 'stderr', None) or ''}") from error


@functools.cache
def _stripped():
    """The program without what only debuggers read: Debian 12's valgrind gives up at DWARF 5."""
    return _make("hot-parts", "strip", "--strip-debug", PROGRAM)


@functools.cache
def _counter():
    """The library that counts allocations."""
    return _make("count_allocations.so", "cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", COUNTER)


def _make(name, *command):
    """The file that a command makes, which takes its path after `-o`."""
    MADE.mkdir(parents=True, exist_ok=True)
    # Parts are measured side by side, and so may be whole runs; each puts its own in place whole.
    with tempfile.TemporaryDirectory(dir=MADE) as folder:
        _run([*command, "-o", f"{folder}/{name}"])
        return Path(folder, name).rename(MADE / name)

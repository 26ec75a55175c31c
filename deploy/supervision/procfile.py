"""Reads the Procfile: which processes there are, and by which command each is started."""

import re
from pathlib import Path

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")


def read(path: Path) -> dict[str, str]:
    """The commands by the names of their processes, in the file's order.

    Raises ValueError for a line that is neither `name: command`, nor a comment, nor empty.
    """
    commands = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.rstrip())
        if not match or match[1] in commands:
            raise ValueError(f"{path}, line {number}: expected “name: command”, each name once")
        commands[match[1]] = match[2]
    return commands

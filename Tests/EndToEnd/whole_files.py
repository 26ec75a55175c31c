"""Files that others read while they are replaced."""

import json
import os
from pathlib import Path


def write_whole(path, content):
    """Puts a file of mode 0600 in place, at once."""
    if isinstance(content, str):
        content = content.encode()
    path = Path(path)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
    fresh.rename(path)


def write_lines(path, values):
    """The same with one JSON value a line."""
    write_whole(path, "".join(json.dumps(value) + "\n" for value in values))

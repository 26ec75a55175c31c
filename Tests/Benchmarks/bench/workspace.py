"""A folder on the disk that is measured, and whatever else must be gone when a run ends, however it ends."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path


class Workspace(contextlib.ExitStack):
    def __init__(self, place: Path) -> None:
        super().__init__()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=place)))
        # Servers that refuse to run as root have folders of their own in it.
        self.folder.chmod(0o711)
        # Daybook's services make their folders where temporary ones belong; here that is the same disk.
        tempfile.tempdir = str(self.folder)

    def make_folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

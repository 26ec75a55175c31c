"""What the parts of a run share: its settings, its folder, and what must be ended with it."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from functools import cached_property
from pathlib import Path

from bench import running
from bench.settings import Settings
from services import Daybook


class Context(contextlib.ExitStack):
    def __init__(self, settings: Settings, place: Path) -> None:
        super().__init__()
        self.settings = settings
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=place)))
        # Servers that refuse to run as root have folders of their own in it.
        self.folder.chmod(0o711)
        # The services make their folders beside it, on the same disk.
        tempfile.tempdir = str(self.folder)

    def tell(self, line: str) -> None:
        """Progress, which is not a result."""
        print(line, file=sys.stderr, flush=True)

    def make_folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    @cached_property
    def daybook(self) -> Daybook:
        """The three services with all accounts open, shared by the parts that send commands and queries."""
        daybook = self.enter_context(Daybook(LOG_LEVEL="warning"))
        self.tell(f"opening {self.settings.accounts} accounts")
        running.open_accounts(daybook, self.settings.accounts)
        daybook.wait_until_caught_up()
        return daybook

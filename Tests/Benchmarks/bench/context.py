"""What the parts of a run share: its settings, its folder, and the Daybook that they send commands and queries to."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path

from bench import running
from bench.settings import Settings
from bench.workspace import Workspace
from services import Daybook


class Context(Workspace):
    def __init__(self, settings: Settings, place: Path) -> None:
        super().__init__(place)
        self.settings = settings

    def tell(self, line: str) -> None:
        """Progress, which is not a result."""
        print(line, file=sys.stderr, flush=True)

    @cached_property
    def daybook(self) -> Daybook:
        """The three services with all accounts open, started when the first part asks for them."""
        daybook = self.enter_context(Daybook(LOG_LEVEL="warning"))
        self.tell(f"opening {self.settings.accounts} accounts")
        running.open_accounts(daybook, self.settings.accounts)
        daybook.wait_until_caught_up()
        return daybook

"""Runs the operator's command line."""

import json
import subprocess

from services import PROGRAMS, environment


def positions_shown(file):
    """The positions of the events that `daybook tail --json` has written to a file; its last line may not be whole yet."""
    return [json.loads(line)["position"] for line in file.read_text().split("\n")[:-1]]


class Tool:
    """`daybook` with the settings of some services."""

    def __init__(self, daybook):
        self.daybook = daybook

    def run(self, *arguments, input=None, settings={}, timeout=60):
        secrets = self.daybook.secrets
        own = secrets.settings_of_tool(arguments[0]) if secrets and arguments else {}
        return subprocess.run(
            [PROGRAMS / "daybook", *map(str, arguments)],
            input=input, capture_output=True, text=True, timeout=timeout, check=False,
            cwd=self.daybook.directory, env=environment(self.daybook.settings | own | settings),
        )  # fmt: skip

    def json(self, *arguments, **options):
        """The JSON values that a command printed, one a line; fails where its exit code is not 0."""
        result = self.run(*arguments, "--json", **options)
        assert result.returncode == 0, result
        return [json.loads(line, parse_float=str) for line in result.stdout.splitlines()]

    def verify(self, store=None, *arguments):
        """The exit code of `verify` and what it found."""
        where = ["--event-store", f"sqlite:{store}"] if store else []
        result = self.run("verify", *where, *arguments, "--json")
        assert result.returncode in (0, 1), result
        return result.returncode, json.loads(result.stdout)

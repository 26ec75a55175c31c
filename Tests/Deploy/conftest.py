"""Fixtures of the tests of deploy/ and of how settings are read."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

# The services, and a client for them.
sys.path.append(str(Path(__file__).parents[1] / "EndToEnd"))

from deployment import Deployment


@pytest.fixture
def deployment():
    """A copy of what deploy/up needs, with ports of its own; whatever it started ends with the test."""
    with tempfile.TemporaryDirectory(prefix="daybook-deploy-") as folder:
        # Also for the users that a test becomes.
        os.chmod(folder, 0o755)
        copy = Deployment(Path(folder))
        try:
            yield copy
        finally:
            copy.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    copy = getattr(item, "funcargs", {}).get("deployment")
    if report.failed and copy:
        report.sections.append(("data/daybook.log", copy.log[-6000:]))

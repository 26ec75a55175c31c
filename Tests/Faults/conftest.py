"""Fixtures of the fault tests: those of the end-to-end tests."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "EndToEnd"), str(TESTS / "Outside")]

import secured  # noqa: E402
import store  # noqa: E402
from services import Daybook  # noqa: E402

import pytest  # noqa: E402


def pytest_configure(config):
    secured.add_marker(config)
    store.add_marker(config)


def pytest_collection_modifyitems(items):
    secured.skip_what_is_open_only(items)
    store.skip_what_is_sqlite_only(items)


@pytest.fixture
def make_daybook():
    """Makes three services, not started yet, that end with the test."""
    made = []

    def make(**settings):
        made.append(Daybook(start=False, **settings))
        return made[-1]

    yield make
    for daybook in made:
        print(daybook.output())
        daybook.close()

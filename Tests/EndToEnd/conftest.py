"""Fixtures of the end-to-end tests."""

import signal
import sys
from pathlib import Path

import pytest

# The frames of the event-log protocol, for what must be sent past the gateway.
sys.path.append(str(Path(__file__).parents[1] / "Outside"))

import secured
import store
from services import PATIENT, Daybook

_alive = []


def pytest_configure(config):
    # A runner that gives up sends SIGTERM; as an exception it lets the services be ended like after any other failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    config.addinivalue_line("markers", "runs_first: begins what takes its time, before all other tests")
    config.addinivalue_line("markers", "runs_last: looks, after all other tests, at what came of it")
    secured.add_marker(config)
    store.add_marker(config)


def pytest_collection_modifyitems(items):
    secured.skip_what_is_open_only(items)
    store.skip_what_is_sqlite_only(items)

    def place(item):
        return 0 if item.get_closest_marker("runs_first") else 2 if item.get_closest_marker("runs_last") else 1

    items.sort(key=place)


def _make(**settings):
    daybook = Daybook(start=False, **PATIENT | settings)
    daybook.gateway.catches_up = daybook.queries.catches_up = True
    _alive.append(daybook)
    return daybook


def _end(daybook):
    _alive.remove(daybook)
    daybook.close()


@pytest.fixture(scope="module")
def daybook():
    """Three services, patient but else with their default settings, for all tests of a file: each uses accounts of its own."""
    daybook = _make()
    try:
        daybook.start()
        yield daybook
    finally:
        _end(daybook)


def _starter():
    started = []

    def start(start=True, **settings):
        daybook = _make(**settings)
        started.append(daybook)
        if start:
            daybook.start()
        return daybook

    yield start
    for daybook in started:
        _end(daybook)


@pytest.fixture
def start_daybook():
    """Starts three services of the test's own: `start_daybook(EVENT_LOG_TIMEOUT="1s")`. They end with the test."""
    yield from _starter()


@pytest.fixture(scope="module")
def module_services():
    """As `start_daybook`, for fixtures that several tests of a file share."""
    yield from _starter()


@pytest.fixture(scope="session")
def session_services():
    """As `start_daybook`, for what lasts as long as the whole run."""
    yield from _starter()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for daybook in _alive:
            report.sections.append(("output of the services", daybook.output()))

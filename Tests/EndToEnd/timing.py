"""Limits of time that a test asserts: they hold on a machine that has nothing else to do."""

import pytest

from services import PATIENCE


def within(limit, patience=PATIENCE):
    """Gives a test its `limit` in seconds, twice: alone on the machine (`-m timing`) that of the contract, and among all
    other tests, in all forms of the services, one that says no more than that what is waited for comes."""
    strict = pytest.param(limit, id=f"within {limit:g} s", marks=pytest.mark.timing)
    return pytest.mark.parametrize("limit", [strict, pytest.param(patience, id="at last")])

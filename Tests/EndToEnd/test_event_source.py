"""The live feed by a browser: Chromium's own EventSource, which knows nothing of Daybook."""

import json

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

import store
from services import wait_until

pytestmark = pytest.mark.open_only("a browser's EventSource can't show a token")

# A page of the service itself, so that the browser lets its script read the feed.
PAGE = "/livez"

FOLLOW = """
    const [path, done] = arguments;
    window.events = [];
    window.states = [];
    window.source = new EventSource(path);
    for (const type of ["AccountOpened", "MoneyDeposited", "Thing"])
        source.addEventListener(type, event => window.events.push([event.lastEventId, event.type, event.data]));
    source.onopen = () => window.states.push("open");
    source.onerror = () => window.states.push(source.readyState === EventSource.CLOSED ? "closed" : "connecting");
    const wait = () => source.readyState === EventSource.CONNECTING ? setTimeout(wait, 20) : done(source.readyState);
    wait();
"""


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    # In a container there is neither a sandbox nor much shared memory.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    browser.set_script_timeout(60)
    yield browser
    browser.quit()


class Source:
    """An EventSource in a page of a service."""

    OPEN, CLOSED = 1, 2

    def __init__(self, browser, port, path):
        self.browser = browser
        browser.get(f"http://127.0.0.1:{port}{PAGE}")
        self.state = browser.execute_async_script(FOLLOW, path)

    @property
    def ids(self):
        return [id for id, _, _ in self.events]

    @property
    def events(self):
        return self.browser.execute_script("return window.events")

    @property
    def states(self):
        return self.browser.execute_script("return window.states")

    def wait_for(self, ids):
        wait_until(lambda: self.ids == ids, f"the browser has {ids}", 60)


def ids(daybook):
    return [f"{record.position}-{record.hash.hex()[:16]}" for record in store.read(daybook.database)[1]]


@pytest.mark.parametrize("through", ["query", "command"])
def test_a_browser_follows_and_resumes_by_itself_after_the_service_was_killed(start_daybook, browser, through):
    daybook = start_daybook()
    service = getattr(daybook, through)
    daybook.gateway.open("a", 0)
    daybook.wait_until_caught_up()
    # A service that has just started answers once it has caught up: a browser gives up at any answer but 200.
    source = Source(browser, service.port, "/events?after=0&wait=60s")
    assert source.state == Source.OPEN
    source.wait_for(ids(daybook))
    daybook.gateway.deposit("a", 1)
    source.wait_for(ids(daybook))
    for _ in range(2):
        opened = source.states.count("open")
        service.kill()
        wait_until(lambda: "connecting" in source.states[opened:], "the browser notices", 60)
        service.start()
        for other in daybook.services:
            other.wait_until_ready()
        for _ in range(3):
            assert daybook.gateway.insist("a", {"type": "Deposit", "amount": 1}).status == 200
        wait_until(lambda: source.states.count("open") > opened, "the browser is connected again", 60)
        source.wait_for(ids(daybook))
    assert "closed" not in source.states
    for id, type, data in source.events:
        assert json.loads(data)["type"] == type and id.startswith(f"{json.loads(data)['position']}-")


def test_a_browser_that_begins_now_misses_nothing_of_a_break_before_the_first_event(start_daybook, browser):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    daybook.gateway.deposit("a", 1)
    daybook.wait_until_caught_up()
    source = Source(browser, daybook.query.port, "/events?after=now&wait=60s")
    # It has the id of the beginning once the connection is open and a part has come: the next deposit comes after it.
    opened = source.states.count("open")
    assert source.events == []
    daybook.query.kill()
    wait_until(lambda: "connecting" in source.states[opened:], "the browser notices", 60)
    assert daybook.gateway.deposit("a", 1).status == 200
    daybook.query.start()
    source.wait_for(ids(daybook)[2:])


def test_a_browser_gives_up_once_the_history_is_another_one(start_daybook, browser):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    daybook.wait_until_caught_up()
    point = "1-0123456789abcdef"
    source = Source(browser, daybook.query.port, f"/events?after={point}")
    assert source.state == Source.CLOSED and source.states == ["closed"]

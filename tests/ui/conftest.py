"""A browser, and somebody at it: Debian's Chromium, driven by Playwright, on the lab's Prefect server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from lab.control.pipelines import Pipelines
from lab.control.records import Lab
from lab.machine.paths import CHECKOUT
from lab.stories import example
from tests.lab.conftest import lab as lab
from tests.lab.conftest import prefect_server as prefect_server
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import Edit, Stage
from tests.ui.person import PATIENCE_MS, InTheNewUi, InTheOldUi, Person

NO_BROWSER = "no chromium on the PATH: no page was opened. As root: apt-get install -y --no-install-recommends chromium"
NOBODY_ELSE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""The new UI asks Amplitude for its configuration, whatever the server's analytics setting is: no page of ours reaches
anybody but the lab."""
TALL = ViewportSize(width=1280, height=2700)
"""So that a form is seen as a whole."""
PERSON = pytest.StashKey[Person]()
NewStage = Callable[..., Stage]
UIS = [pytest.param(kind, marks=pytest.mark.xdist_group(kind.ui), id=kind.ui) for kind in (InTheNewUi, InTheOldUi)]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Fails where there is none: a test of what people see is not passed over."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail(NO_BROWSER, pytrace=False)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=[NOBODY_ELSE])
        yield launched
        launched.close()


@pytest.fixture(params=UIS)
def person(request: pytest.FixtureRequest, browser: Browser, prefect_server: Pipelines) -> Iterator[Person]:
    """Somebody who was never here before, in each of the two UIs. What they saw last is kept when the test fails."""
    context = browser.new_context(viewport=TALL, locale="en-GB", timezone_id="UTC", color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    wanted = request.config.getoption("pictures") and request.param is InTheNewUi
    made: Person = request.param(page, prefect_server, CHECKOUT / "docs" / "images" if wanted else None)
    request.node.stash[PERSON] = made
    yield made
    context.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """A failure names the files with what the person saw."""
    if call.when == "call" and call.excinfo and PERSON in item.stash:
        page = item.stash[PERSON].page
        kept = item.config.cache.mkdir("ui") / item.name.partition("@")[0]
        page.screenshot(path=kept.with_suffix(".png"))
        kept.with_suffix(".txt").write_text(f"{page.url}\n\n{page.locator('body').inner_text()}\n")
        call.excinfo.value.add_note(f"what the person saw: {kept}.png, {kept}.txt")


@pytest.fixture
def new_stage(lab: Lab, person: Person) -> Iterator[NewStage]:
    """Makes copies of the example; one that pictures are made of has the example's own names in them."""
    made: list[Stage] = []

    def new(name: str, policy: dict[str, Any], edit: Edit, pictured: bool = False) -> Stage:
        own = example.Place.named(f"t{os.getpid()}-{name}-{person.ui}")
        made.append(Stage(lab, example.Place() if pictured and person.pictures else own))
        made[-1].install(policy, edit)
        return made[-1]

    yield new
    for stage in made:
        stage.remove()


@pytest.fixture
def prefect(prefect_server: Pipelines) -> PrefectApi:
    return PrefectApi(prefect_server)

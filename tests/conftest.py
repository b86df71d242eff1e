"""The tiers, each a directory; and the labs that they need, which end with the tests unless they shall be kept."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.control import labs
from lab.machine import paths

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
"""Whatever a machine says (many an image does): each process would compile all tests anew, some 8 s of a processor."""

for variable in ("PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PREFECT_PROFILE"):
    os.environ.pop(variable, None)  # no test asks the Prefect server of whoever runs the tests

gc.disable()
"""Until all is collected: what is imported stays, and would be looked through again and again."""

KEPT = bool(os.environ.get("FLIPGATE_KEEP_LABS"))
"""Labs go on running after the tests, for the next run that keeps them: `flipgate lab down --all` ends them."""
RUN = "kept" if KEPT else os.environ.setdefault("FLIPGATE_TEST_RUN", str(os.getpid()))
"""Whose labs these are: xdist's processes have it from the one that started them."""
API_LAB, LAB = f"tests-api-{RUN}", f"tests-{RUN}"
NO_STORY = "test_flows.py"
"""Of the stories, run by the process of the lab's other tests: so each of the two takes as long. Two of them leave two
cores half idle at the end, three had tests wait for each other until they failed."""
LEFT_OUT = {"lab": "not lab", "faults": "not lab", "simulation": "not search"}
"""What a selection by marks leaves out as a whole directory."""


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends this run's labs, once all that use them are through: xdist's processes leave it to the one above them."""
    if not KEPT and not hasattr(config, "workerinput"):
        for name in (API_LAB, LAB):
            end_for_good(name)


def end_for_good(name: str) -> None:
    """Ends a lab whose name is this run's own: nobody will start one of that name again, so its lock goes too."""
    labs.down(name)
    paths.lock_file(name).unlink(missing_ok=True)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is left out as a whole is not read: each process of the inner loop would import it all, and Prefect."""
    if collection_path.parent != Path(__file__).parent:
        return None
    if collection_path.name == "ui":
        return None if _asks_for_ui(config) else True
    if config.option.markexpr == "ui" and collection_path.is_dir():
        return True
    return True if LEFT_OUT.get(collection_path.name) in config.option.markexpr.split(" and ") else None


def _asks_for_ui(config: pytest.Config) -> bool:
    """Whether Chromium's tests are among what was typed (`-m ui`, or their path): a command of their own in CI, so that
    nobody needs a browser for the others."""
    paths = [config.invocation_params.dir / each.partition("::")[0] for each in config.args]
    return "ui" in config.option.markexpr.split() or any("ui" in each.parts for each in paths)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="with -m ui: makes the docs' pictures anew (docs/images)")


@pytest.hookimpl(tryfirst=True)  # before xdist looks for the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tiers. Tests on the lab run in two processes, for most of their time is waiting: they share one lab
    and its Prefect server. Faults come last of theirs, since the users of their shops go on to the end."""
    root = Path(__file__).parent
    items.sort(key=lambda item: item.path.is_relative_to(root / "faults"))
    for item in items:
        tier = item.path.relative_to(root).parts[0].replace("faults", "lab")
        if tier in ("api", "lab", "ui"):
            item.add_marker(tier)
        if tier == "lab":
            story = item.path.is_relative_to(root / "lab" / "stories") and item.path.name != NO_STORY
            item.add_marker(pytest.mark.xdist_group("stories" if story else "lab"))
        if tier == "simulation":
            item.add_marker("search")


def pytest_collection_finish(session: pytest.Session) -> None:
    """From here on garbage is looked for, and in what tests make alone: a tenth of what tests/core costs."""
    if "prefect" in sys.modules and set(LEFT_OUT.values()) <= set(session.config.option.markexpr.split(" and ")):
        raise pytest.UsageError("a test's module imports Prefect at its top, which takes seconds of each process")
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Says a line to whoever waits, past pytest's capturing: building a lab takes minutes, and nobody should wonder."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(line, file=sys.stderr, flush=True)  # standard output is how pytest's processes talk to each other

    return say

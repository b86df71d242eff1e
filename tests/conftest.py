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
    marked = LEFT_OUT.get(collection_path.name) if collection_path.parent == Path(__file__).parent else None
    return True if marked in config.option.markexpr.split(" and ") else None


@pytest.hookimpl(tryfirst=True)  # before xdist looks for the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tiers. Tests on the lab run in two processes, for most of their time is waiting: they share one lab and
    its Prefect server. Faults come last of theirs, since the users of their shops go on to the end."""
    root = Path(__file__).parent
    items.sort(key=lambda item: item.path.is_relative_to(root / "faults"))
    for item in items:
        tier = item.path.relative_to(root).parts[0].replace("faults", "lab")
        if tier in ("api", "lab"):
            item.add_marker(tier)
        if tier == "lab":
            stories = item.path.is_relative_to(root / "lab" / "stories")
            item.add_marker(pytest.mark.xdist_group("stories" if stories else "lab"))
        if tier == "simulation":
            item.add_marker("search")


def pytest_collection_finish(session: pytest.Session) -> None:
    """From here on garbage is looked for, and in what tests make alone: a tenth of what tests/core costs."""
    if "prefect" in sys.modules and set(LEFT_OUT.values()) <= set(session.config.option.markexpr.split(" and ")):
        raise pytest.UsageError("a test's module imports Prefect at its top, which takes seconds of each process")
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Says a line to whoever waits, past pytest's capturing: building a lab takes minutes, and nobody should wonder."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(line, file=sys.stderr, flush=True)  # standard output is how pytest's processes talk to each other

    return say

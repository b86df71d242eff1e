"""The tiers: what a test may need is said by the directory it stands in."""

from __future__ import annotations

import fcntl
import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling

from lab.control import labs
from lab.machine import paths

API_LAB = "flipgate-api"
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
"""Whatever the machine says: each process would compile all modules and assertions again, which takes it 2 s. The first
line is for this process, the second for those it starts."""
FULL_BYTES = 96 << 20
TIERS = ("api", "lab")
SLOW = (
    "tests/api/moving/test_mixed.py",
    "tests/api/looking/test_why.py",
    "tests/api/adapters/test_lease.py",
    "tests/api/going_back/test_crash.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Replaces the warm API server when it is full: nobody deletes namespaces there, and too many make it slow.

    Told by the size of its store, and only by the process that others are started from (pytest -n). Not while another
    pytest is at work on it: each holds a shared lock until it ends.
    """
    if hasattr(config, "workerinput"):
        return
    paths.labs().mkdir(parents=True, exist_ok=True)
    users = (paths.labs() / f".{API_LAB}.users").open("w")
    config.add_cleanup(users.close)
    store = paths.lab_dir(API_LAB) / "etcd" / "member" / "snap" / "db"
    if store.exists() and store.stat().st_size > FULL_BYTES:
        with suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            labs.down(API_LAB)
    fcntl.flock(users, fcntl.LOCK_SH)


TOGETHER = {
    "tests/lab/": "lab",
    "tests/api/releasing/test_approvals.py": "prefect",
    "tests/api/blocks/": "prefect",
    "tests/core/blocks/": "prefect",
    "tests/core/tasks/test_artifacts.py": "prefect",
    "tests/core/checkout/test_prefect_yaml.py": "prefect",
    "tests/core/cli/test_cli.py::test_an_event_without_prefect_is_a_sentence": "prefect",
    "tests/api/cli/test_cli_cluster.py::test_a_doorbell_that_fails_takes_nothing_from_the_decision": "prefect",
    "tests/api/watching/test_conditions.py::test_reconcile_": "prefect",
    "tests/api/going_back/test_live_side.py": "prefect",
    "tests/api/watching/test_unwatched.py": "prefect",
    "tests/api/cli/test_next.py": "prefect",
    "tests/api/releasing/test_overtaken.py": "prefect",
    "tests/api/releasing/test_stopped.py": "prefect",
}
"""Beginnings of tests' names: those of one word run in one process. The lab's share a cluster and a Prefect server; the
others import Prefect, which takes seconds. (xdist's own mark for this does nothing with pytest 9.2.)"""


class InGroups(LoadScopeScheduling):
    """Tests go to whichever process is free, but those of a group all to one."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for begin, group in TOGETHER.items() if nodeid.startswith(begin)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return InGroups(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The inner loop does not even read the lab's tests: each of its processes would import them all."""
    return True if config.option.markexpr == "not lab" and collection_path == Path(__file__).parent / "lab" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tiers, the cheapest first, and in each what waits for a second: or all would wait for it at the end."""
    here = Path(__file__).parent
    order = {}
    for item in items:
        tier = item.path.relative_to(here).parts[0]
        order[item] = TIERS.index(tier) + 1 if tier in TIERS else 0
        if tier in TIERS:
            item.add_marker(tier)
    items.sort(key=lambda item: (order[item], not item.nodeid.startswith(SLOW)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Starts the API server while the core's tests run, which takes seconds: the api tier waits for what is left of it.

    What was imported and collected is no garbage, so the collector need not look at it again and again (a twentieth of
    each process's time).
    """
    wanted = any(item.get_closest_marker("api") for item in session.items)
    if wanted and os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0" and not session.config.option.collectonly:
        from tests.api import early  # not above: the process that only hands tests out needs none of it

        Thread(target=early.start, daemon=True).start()
    gc.freeze()


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Says a line to whoever waits, past pytest's capturing: building a lab takes minutes, and nobody should wonder."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(line, file=sys.stderr, flush=True)  # standard output is how pytest's processes talk to each other

    return say

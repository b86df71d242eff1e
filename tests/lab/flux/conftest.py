"""Copies of the example that Flux keeps from Git."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lab.control import labs
from lab.control.records import Lab
from tests.conftest import LAB
from tests.lab.flux.git_stage import GitStage, NewGitStage
from tests.lab.stage import copies


@pytest.fixture(scope="session")
def flux(lab: Lab, tell: Callable[[str], None]) -> Lab:
    """The shared lab, with Flux from here on."""
    return labs.up(LAB, flux=True, progress=tell)


@pytest.fixture
def new_git_stage(flux: Lab) -> Iterator[NewGitStage]:
    """Makes copies, removed at the end of the test: `new_git_stage("name", policy=..., edit=...)`."""
    yield from copies(GitStage, flux)

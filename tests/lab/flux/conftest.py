"""Copies of the example that Flux keeps from Git."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from lab.control import labs
from lab.control.records import Lab
from lab.stories.example import Place
from tests.conftest import LAB
from tests.lab.flux.git_stage import GitStage, NewGitStage
from tests.lab.stage import Edit


@pytest.fixture(scope="session")
def flux(lab: Lab, tell: Callable[[str], None]) -> Lab:
    """The shared lab, with Flux from here on."""
    return labs.up(LAB, flux=True, progress=tell)


@pytest.fixture
def new_git_stage(flux: Lab) -> Iterator[NewGitStage]:
    """Makes copies, removed at the end of the test: `new_git_stage("name", policy=..., edit=...)`."""
    made: list[GitStage] = []

    def new(name: str, policy: Mapping[str, Any] | None = None, edit: Edit | None = None) -> GitStage:
        stage = GitStage(flux, Place.named(f"t{os.getpid()}-{name}"))
        made.append(stage)
        stage.install(policy, edit)
        return stage

    yield new
    for stage in made:
        stage.remove()

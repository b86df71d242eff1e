"""The pipelines' names and run keys: spelt once, so that a run is not started twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.core.record import pipelines
from flipgate.core.record.going_on import key_of
from flipgate.core.record.phases import Phase
from tests.core import source
from tests.core.builders import at, record, release

pytestmark = source.IN_ONE_PROCESS

NAMES = {pipelines.DEPLOY_DARK, pipelines.FLIP_TRAFFIC, pipelines.SCALE_DOWN, pipelines.ROLL_BACK}
FILES = [each for each in source.files() if source.shown(each) != "flipgate/core/record/pipelines.py"]
VERBS = [
    f"flipgate/{file}.py"
    for file in (
        "core/gates/points",
        "core/record/phases",
        "core/spec/policy",
        "cli/__init__",
        "cli/scale_down",
    )
]
"""Where `scale-down` is the name of a question, of a gate's point, or of the command that has it asked."""


def test_a_pipeline_is_named_in_one_module_only() -> None:
    assert [f"{source.shown(each)}: {text}" for each in FILES for text in _spelt(each)] == []


def test_a_run_key_is_made_in_one_module_only() -> None:
    assert source.matching(r"-epoch-|-again-|\{(pipeline|[A-Z_]+)\}-\{", FILES) == []


def _spelt(file: Path) -> Iterator[str]:
    """String constants that name a pipeline, docstrings and links to pages apart."""
    for _, text in source.strings(file):
        if (text == pipelines.SCALE_DOWN and source.shown(file) not in VERBS) or re.search(
            r"(?<![-\w/])(deploy-dark|flip-traffic|roll-back)(?![-\w]|\.md)", text
        ):
            yield text


def test_names_are_told_apart() -> None:
    assert len(NAMES | {pipelines.RECONCILE}) == 5


@pytest.mark.parametrize(
    ("phases", "changed", "key"),
    [
        ((Phase.DARK,), False, "flip-traffic-shop-3f2a9c01d4e8-1"),
        ((Phase.DARK,), True, "flip-traffic-shop-epoch-0"),
        ((Phase.DARK, Phase.FLIPPING), False, "flip-traffic-shop-epoch-0"),
        ((Phase.LIVE,), False, "flip-traffic-shop-3f2a9c01d4e8-1"),
    ],
)
def test_keys_are_spelt_as_the_runs_that_are_there_already_have_them(
    phases: tuple[Phase, ...], changed: bool, key: str
) -> None:
    """Prefect keeps them for good: another spelling would start a run beside one that waits."""
    remembered = record(release=release(*phases))
    assert key_of(remembered, pipelines.FLIP_TRAFFIC, at(0), changed=changed) == key
    first = pipelines.release_key(pipelines.SCALE_DOWN, "shop", remembered.release.name if remembered.release else "")
    assert first == "scale-down-shop-3f2a9c01d4e8-1"


def test_a_question_has_a_key_and_so_does_each_run_after_one_that_will_not_act() -> None:
    assert (
        pipelines.question_key(pipelines.FLIP_TRAFFIC, "shop", "flip-3f2a-1-ab") == "flip-traffic-shop-flip-3f2a-1-ab"
    )
    assert [pipelines.another_key("key", turn) for turn in (1, 2, 3)] == ["key", "key-again-2", "key-again-3"]

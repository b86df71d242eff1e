"""A check that asks several times: how often it asks, and when it stops."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from flipgate.core.gates.checks import Check
from flipgate.core.values.base import but
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.looking.check import check
from tests.api.shop import GREEN, Shop
from tests.api.wire import Answer, Handler, Script, serving

WITHIN_SECONDS = 2
"""An answer that is not late on purpose is not late on a busy machine either."""


def asked(shop: Shop, folder: Path, script: Script, **keys: Any) -> Evidence:
    """What a check of the shop finds where its pods answer by this script."""
    with serving(script, folder) as cluster:
        world = shop.world("ana", cluster)
        said = {"name": "fast", "service": "web", "path": "/", "withinSeconds": WITHIN_SECONDS, **keys}
        rule = Check.model_validate(said)
        world.application = but(world.application, spec=but(world.application.spec, checks=(rule,)))
        (evidence,) = check(world, GREEN)
    return evidence


def test_each_sample_is_one_request_and_all_of_them_are_told(imagined: Shop, tmp_path: Path) -> None:
    paths: list[str] = []

    def script(request: Handler) -> Answer:
        paths.append(request.path)
        return 200, b"ok"

    found = asked(imagined, tmp_path, script, samples=5)
    assert len(paths) == 5
    assert found.verdict is Verdict.PASS
    assert found.answer.startswith("status 200; 5 answers: min 0.0")
    assert found.threshold == "status 200, all of 5 answers within 2 s"


def test_a_late_answer_is_borne_by_the_percentile_and_ends_the_asking_without(imagined: Shop, tmp_path: Path) -> None:
    paths: list[str] = []

    def second_is_late(request: Handler) -> Answer:
        paths.append(request.path)
        time.sleep(WITHIN_SECONDS + 0.1 if len(paths) == 2 else 0)
        return 200, b"ok"

    strict = asked(imagined, tmp_path, second_is_late, samples=10)
    assert (strict.verdict, len(paths)) == (Verdict.FAIL, 2)
    assert strict.answer.startswith("1 took longer than 2 s, where none may; 2 answers:")
    paths.clear()
    borne = asked(imagined, tmp_path, second_is_late, samples=10, percentile=90)
    assert (borne.verdict, len(paths)) == (Verdict.PASS, 10)
    assert borne.threshold == "status 200, 90% of 10 answers within 2 s"


def test_an_answer_that_fails_is_asked_for_again_and_then_ends_the_asking(imagined: Shop, tmp_path: Path) -> None:
    statuses = iter([200, 500, 200, 200, 500, 500, 500])
    found = asked(imagined, tmp_path, lambda _: (next(statuses), b""), samples=9)
    assert (found.verdict, next(statuses, None)) == (Verdict.FAIL, None)
    assert found.answer.startswith("answer 4 of 9: status 500, expected 200; 4 answers:")

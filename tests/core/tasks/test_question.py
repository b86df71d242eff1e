"""The artifact of a question: all that is kept of it, beside the run, and never in its way."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.record.compared import Compared, Half
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.planned import Part
from flipgate.core.record.release import frozen
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import question
from tests.core.tasks.test_artifacts import world

__all__ = ["world"]
pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

OLD = Half(image="shop/web:1", ready=2, wanted=2, cpu="100m / 1", memory="64Mi / -", restarts=0)
NEW = Half(image="shop/web:2", ready=1, wanted=2, cpu="200m / 1", memory="64Mi / -")
ASKED = question(
    changes=("web: shop/web:1 to shop/web:2",),
    plan=(Part(of="a rollback", lines=("it brings back: web shop/web:1",)),),
    compared=(Compared(service="web", old=OLD, new=NEW), Compared(service="search", new=NEW)),
    evidence=frozen([Evidence("web", Verdict.PASS, "/", "web", "200", "200")]),
)


def test_both_sides_stand_beside_each_other_and_what_is_the_same_stands_once() -> None:
    from tasks.question import whole_text

    shown = whole_text(ASKED)
    assert "| web | shop/web:1 | shop/web:2 | 2/2 | 1/2 | 100m / 1 -&gt; 200m / 1 | 64Mi / - | 0 | not known |" in shown
    assert "| search | none | shop/web:2 | none | 1/2 |" in shown
    assert "### A rollback\n\n- it brings back: web shop/web:1" in shown
    assert "| web | **pass** | 200 (wanted 200) |" in shown
    assert "image now | image then" in shown
    assert "image the old side | image live" in whole_text(
        question(kind=QuestionKind.SCALE_DOWN, compared=ASKED.compared)
    )
    assert "not kept, for want of room" in whole_text(question())


def test_it_is_sent_beside_the_run_and_a_prefect_that_is_away_is_a_sentence(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import artifacts
    from tasks.question import showing_question

    sent: list[str] = []
    monkeypatch.setattr(artifacts, "create_markdown_artifact", lambda markdown, **_: sent.append(markdown))
    with pytest.raises(KeyboardInterrupt), showing_question(world, ASKED):
        raise KeyboardInterrupt  # as a run is suspended
    (shown,) = sent
    assert "### Numbers of the gates\n\nno pictures: " in shown, "this world has no record to be read"
    assert "| web | shop/web:1 |" in shown

    monkeypatch.setattr(artifacts, "create_markdown_artifact", lambda **_: 1 / 0)
    with showing_question(world, ASKED):
        assert world.said == [] or world.said == ["no artifact shop-question: ZeroDivisionError"]
    assert world.said == ["no artifact shop-question: ZeroDivisionError"]

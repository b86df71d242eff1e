"""DarkSideWorks: what works on the live side only works on the dark one, too; what to type, and where Git says so."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.record.conditions import DARK_SIDE_WORKS, condition_of, recorded
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Condition, EntryState, JournalEntry, Record
from flipgate.core.spec.application import Application
from flipgate.core.spec.git import GitSpec
from flipgate.core.way_back.dark_side import judge_dark_side
from tests.core.builders import BAKING, GREEN, LIVE, NOW, at, cron_job, deployment, record, release, shop, side

NIGHTLY = shop("{name: nightly, role: cron}")
FLUX = "kustomize-controller"


def nightly(*, suspended: bool = False, by: str = "", operation: str = "Apply") -> dict[str, Any]:
    """Green's nightly, whose `suspend` somebody wrote."""
    obj = cron_job(suspended=suspended)
    obj["metadata"]["labels"] = {"flipgate.dev/stamp": "4.abc"}
    if by:
        fields = {"f:spec": {"f:suspend": {}}}
        entry = {"manager": by, "operation": operation, "time": "2026-03-01T11:58:11Z", "fieldsV1": fields}
        obj["metadata"]["managedFields"] = [entry]
    return obj


def in_git(application: Application) -> Application:
    git = GitSpec.model_validate(
        {"repository": "https://git.example/c.git", "overlays": {"blue": "app/blue", "green": "app/green"}}
    )
    return application.model_copy(update={"spec": application.spec.model_copy(update={"git": git})})


def judged(
    *objects: Any, remembered: Record | None = None, application: Application = NIGHTLY, seconds: float = 30
) -> Condition | None:
    state = side(GREEN, *objects, deployment("mailer", replicas=0))
    return judge_dark_side(remembered or record(), application, state, at(seconds))


STOP = (
    "kubectl -n shop-green patch cronjob nightly --type=json "
    """-p='[{"op":"test","path":"/metadata/labels/flipgate.dev~1stamp","value":"4.abc"},"""
    """{"op":"add","path":"/spec/suspend","value":true}]'"""
)


def test_what_works_there_is_said_with_the_line_that_stops_it_once_and_never_where_users_have_gone_since() -> None:
    found = judged(nightly())
    assert found is not None
    assert (found.type, found.status, found.reason) == (DARK_SIDE_WORKS, "True", "WorksTwice")
    assert found.message == (
        f"CronJob shop-green/nightly is not suspended, so that work may be done twice: blue is live. Next: {STOP}"
    )


@pytest.mark.parametrize(
    ("application", "by", "operation", "said"),
    [
        (NIGHTLY, "ben", "Update", "is not suspended, set by ben (Update) at 2026-03-01 11:58:11 UTC, so"),
        (NIGHTLY, FLUX, "Apply", f"; {FLUX} will write it again until its source leaves that out, too"),
        (in_git(NIGHTLY), FLUX, "Apply", f"; {FLUX} will write it again until app/green leaves that out, too"),
    ],
)
def test_who_set_it_is_named_and_where_git_says_so(
    application: Application, by: str, operation: str, said: str
) -> None:
    found = judged(nightly(by=by, operation=operation), application=application)
    assert found is not None
    assert said in found.message


STEP = JournalEntry(id=1, step="HandOverWorkers", state=EntryState.BEGUN, actor="ana", at=NOW)


@pytest.mark.parametrize(
    "remembered",
    [record(release=release(*BAKING)), record(release=release(*LIVE, Phase.ROLLING_BACK)), record(journal=(STEP,))],
)
def test_while_work_is_handed_over_nothing_is_said(remembered: Record) -> None:
    assert judged(nightly(), remembered=remembered) is None


def test_nothing_is_said_where_nothing_works_and_nothing_did() -> None:
    assert judged(nightly(suspended=True)) is None


def test_people_hear_of_it_once_and_once_when_it_is_over() -> None:
    now = record()
    for second, works in enumerate((True, True, False, False)):
        found = judged(nightly(suspended=not works), remembered=now, seconds=second)
        now = recorded(now, [found] if found else [])
    first, last = now.outbox
    assert (first.reason, last.reason) == ("WorksTwice", "WorksOnce")
    assert first.text.startswith("shop: the dark side green works, too: CronJob shop-green/nightly is not suspended")
    assert STOP in first.text
    assert last.text.startswith("shop: only the live side blue works again, after 2 s")
    told = condition_of(now.conditions, DARK_SIDE_WORKS)
    assert told is not None
    assert told.status == "False"
    assert judged(nightly(suspended=True), remembered=record(active=GREEN, conditions=now.conditions)) is None, "live"

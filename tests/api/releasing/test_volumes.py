"""The volumes of StatefulSets: two sets of data, and what scaling down deletes, said before it is done."""

from __future__ import annotations

from typing import Any

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Question
from flipgate.core.values.base import but
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look
from flipgate.steps.looking.volumes import volume_notes
from flipgate.steps.releasing.bring_up import bring_up, open_release
from flipgate.steps.releasing.questions import basis, pose
from flipgate.steps.releasing.setup import check_application
from tests.api.changed_shop import by_file
from tests.api.shop import BLUE, GREEN, Shop, advanced, under_lease
from tests.api.stateful import QUEUE, STORE, playing, stateful_sets, with_stateful_sets

CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
DELETES = {"whenScaled": "Delete", "whenDeleted": "Retain"}
DELETING: dict[str, Any] = {"volumeClaimTemplates": [CLAIM], "persistentVolumeClaimRetentionPolicy": DELETES}
OWN = [STORE.replace("}", ", ownData: true}"), QUEUE.replace("}", ", ownData: true}")]


def said_by_check(shop: Shop) -> list[str]:
    return list(volume_notes(shop.world()))


def test_check_says_once_that_each_side_has_its_own_volumes_unless_that_is_declared(shop: Shop) -> None:
    town = with_stateful_sets(shop, STORE, volumeClaimTemplates=[CLAIM])
    (line,) = said_by_check(town)
    assert line.startswith("StatefulSets store have volumes (data), and each side has its own")
    assert line.endswith("write `ownData: true` for store")
    said: list[str] = []
    check_application(town.cluster, town.application, town.own, said.append)
    assert line in said
    assert said_by_check(by_file(town, town.text.replace(STORE, OWN[0]))) == []


def test_check_says_on_each_side_what_is_deleted_and_how_it_is_kept(shop: Shop) -> None:
    town = with_stateful_sets(shop, OWN[0], **DELETING)
    blue, green = said_by_check(town)
    assert "data (data) is deleted with its pods when its side goes to rest (whenScaled: Delete)" in blue
    assert f"{town.namespace(GREEN)} patch statefulset/store" in green


def released(shop: Shop, until: Phase) -> tuple[Shop, World]:
    """A release of a shop whose StatefulSets lose their data when they are scaled down, up to this phase."""
    town = with_stateful_sets(shop, *OWN, **DELETING)
    world = town.adopted()
    release = open_release(world, {"store": "shop/store:2"}, "ci")
    with playing(town):
        under_lease(world, bring_up, release)
    if until is Phase.LIVE:
        town.point("live", town.namespace(GREEN))
        world.store.update(lambda record: but(record, active=GREEN))
    advanced(world, release, until)
    return town, world


def lost(question: Question) -> list[str]:
    return [line for line in question.changes if "is deleted" in line]


def test_the_question_about_a_flip_names_the_worker_whose_data_goes(shop: Shop) -> None:
    town, world = released(shop, Phase.DARK)
    (line,) = lost(pose(world, QuestionKind.FLIP, []))
    assert line.startswith(
        f"StatefulSet {town.namespace(BLUE)}/queue: its data (data) is deleted with its pods when its"
    )
    assert "when its work is handed over (whenScaled: Delete); to keep it: kubectl" in line


def test_the_question_about_the_old_side_names_what_goes_and_a_yes_is_to_that(shop: Shop) -> None:
    town, world = released(shop, Phase.LIVE)
    question = pose(world, QuestionKind.SCALE_DOWN, [])
    named = [f"StatefulSet {town.namespace(BLUE)}/{name}" for name in ("store", "queue")]
    assert [line.split(":")[0] for line in lost(question)] == named
    keep = {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain"}}}
    for name in ("store", "queue"):
        town.cluster.merge(f"{stateful_sets(town, BLUE)}/{name}", keep)
    release = world.store.read().release
    assert release
    assert basis(world, look(world), release, QuestionKind.SCALE_DOWN) != question.basis
    assert lost(pose(world, QuestionKind.SCALE_DOWN, [])) == []

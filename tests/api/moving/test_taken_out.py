"""A release that takes services out of the file: what worked on the old side stops there, and works again on the way
back."""

from __future__ import annotations

from pathlib import Path

import pytest

from flipgate.adapters.addresses import address_of
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Record, need_release
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict
from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import read_workload
from flipgate.steps.acting.outbox import advance
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.releasing.questions import pose
from flipgate.steps.releasing.setup import adopt, check_application
from tests.api.changed_shop import add, add_cron_job, at_bake, cron_job_at, declaring, to_baking
from tests.api.shop import BLUE, GREEN, TO_LIVE, Shop, last_entry
from tests.api.users import grant, user

BEFORE = (
    "{name: ingest, role: worker, replicas: 1}",
    "{name: nightly, role: cron}",
    "{name: ledger, role: mixed, replicas: 1, consume: {configMap: ledger-consume}}",
    "{name: legacy, role: serving, replicas: 1}",
)
NAMES = ("ingest", "nightly", "ledger", "legacy")
BUILD = {"web": "shop/web:2"}


def consuming(shop: Shop, side: Side) -> str:
    return f"/api/v1/namespaces/{shop.namespace(side)}/configmaps/ledger-consume"


@pytest.fixture
def fewer(shop: Shop) -> Shop:
    """The shop whose file had four services more when it was adopted; two `ingest` work on blue."""
    shop = declaring(shop, *BEFORE)
    for side in Side:
        live = side is BLUE
        add(shop, side, "ingest", 2 if live else 0)
        add(shop, side, "ledger", int(live))
        add(shop, side, "legacy", int(live))
        add_cron_job(shop, side, "nightly", suspend=not live)
        flag = {"metadata": {"name": "ledger-consume"}, "data": {"consume": str(live).lower()}}
        shop.cluster.create(consuming(shop, side).rpartition("/")[0], flag)
    adopt(shop.world())
    return declaring(shop, without=NAMES)


def work(shop: Shop, side: Side) -> tuple[int, bool, str, int]:
    """How many `ingest` a side asks for, whether `nightly` is suspended, what `ledger` is told, and `legacy`'s pods."""
    counts, nightly = shop.counts(side), shop.cluster.get(cron_job_at(shop, side, "nightly"))
    told = shop.cluster.get(consuming(shop, side))["data"]["consume"]
    return counts["ingest"], nightly["spec"]["suspend"], told, counts["legacy"]


ON, OFF = (2, False, "true", 1), (0, True, "false", 1)
DARK = (0, True, "false", 0)


def test_what_a_release_takes_out_stops_on_the_old_side_and_works_again_on_the_way_back(fewer: Shop) -> None:
    assert to_baking(fewer, fewer.world(), BUILD) == (
        "web: shop/web:1 to shop/web:2",
        "ingest: no longer in the file. It stops on blue with the hand-over, and starts there again on the way back",
        "ledger: no longer in the file. It stops consuming on blue with the hand-over, and begins again on the way "
        "back; its pods stay",
        "legacy: no longer in the file. Users of green have none; on blue its pods stay, and flipgate stops none",
        "nightly: no longer in the file. It stops on blue with the hand-over, and starts there again on the way back",
    )
    assert (work(fewer, BLUE), work(fewer, GREEN)) == (OFF, DARK)

    with fewer.playing_ready():
        done = roll_back(fewer.world("ana"), "errors", by="ana")
    assert (done.way, done.left, fewer.where()) == ("fast", (), ("blue",))
    assert (work(fewer, BLUE), work(fewer, GREEN)) == (ON, DARK)


def test_a_hand_over_that_died_goes_on_with_what_was_taken_out(fewer: Shop) -> None:
    at_bake(fewer, handed_over=False)
    looks = iter(range(2))

    def dies() -> None:
        if next(looks, None) is None:
            raise KeyboardInterrupt

    world = fewer.world()
    with pytest.raises(KeyboardInterrupt), fewer.playing_ready(), world.acting() as acting:
        hand_over_workers(acting, GREEN, meanwhile=dies)
    assert last_entry(world).state == "begun"
    with fewer.playing_ready():
        recover(fewer.world("reconcile"), patience_seconds=0.1)
    assert (work(fewer, BLUE), work(fewer, GREEN)) == (OFF, DARK)
    with fewer.playing_ready():
        roll_back(fewer.world("ana"), "errors", by="ana")
    assert work(fewer, BLUE) == ON


def test_what_was_stopped_by_a_person_before_is_not_started_on_the_way_back(fewer: Shop) -> None:
    fewer.scale(BLUE, "ingest", 0)
    fewer.patch(cron_job_at(fewer, BLUE, "nightly"), ("replace", "/spec/suspend", True))
    said = to_baking(fewer, fewer.world(), BUILD)
    assert not [line for line in said if line.startswith(("ingest", "nightly"))]
    with fewer.playing_ready():
        roll_back(fewer.world("ana"), "errors", by="ana")
    assert work(fewer, BLUE) == (0, True, "true", 1)


def test_what_an_older_flipgate_noted_without_roles_is_named_and_left_alone(fewer: Shop) -> None:
    def unknown(record: Record) -> Record:
        return but(record, sides={side: but(each, roles={}) for side, each in record.sides.items()})

    fewer.world().store.update(unknown)
    said = to_baking(fewer, fewer.world(), BUILD)
    assert (
        "ingest: no longer in the file, and nobody noted whether it works on the live side only. It stays as it is on "
        f"blue; stop it by hand if it does: kubectl -n {fewer.namespace(BLUE)} get deployments,cronjobs"
    ) in said
    assert work(fewer, BLUE) == ON


def test_what_does_not_exist_any_more_holds_up_nobody(fewer: Shop) -> None:
    at_bake(fewer)
    fewer.cluster.delete(f"{fewer.deployments(BLUE)}/ingest")
    with fewer.playing_ready():
        done = roll_back(fewer.world("ana"), "errors", by="ana")
    assert (done.way, fewer.counts(BLUE)["mailer"]) == ("fast", 1)
    assert done.left == (
        f"ingest was not handed over to blue: Deployment {fewer.namespace(BLUE)}/ingest does not exist",
    )


def test_a_right_that_is_missing_for_what_was_taken_out_is_said_and_fails_no_release(
    fewer: Shop, tmp_path: Path
) -> None:
    robot = user(fewer, tmp_path)
    grant(fewer, check_application(robot, fewer.application, fewer.own))
    world = fewer.world("robot", robot)
    said = to_baking(fewer, world, BUILD)
    (unread,) = (line for line in said if line.startswith("nightly"))
    assert unread.startswith("nightly, which is no longer in the file, could not be read on blue: ")
    assert work(fewer, BLUE) == ON, "what nobody had the right to read of the record is in no rule by name"
    outcome = last_entry(world).outcome
    assert "ingest was not handed over to green: " in outcome
    assert "nightly was not handed over to green: " in outcome
    assert "ledger was not handed over to green: " in outcome


def test_a_late_write_of_a_flip_that_was_taken_over_stops_nothing_that_works_again(fewer: Shop) -> None:
    at_bake(fewer, handed_over=False)
    ingest = fewer.deployment(BLUE, "ingest")
    late = read_workload("ingest", fewer.namespace(BLUE), ingest)
    epoch = fewer.world().store.read().epoch
    with fewer.playing_ready():
        roll_back(fewer.world("ana"), "errors", by="ana")
    with pytest.raises(Conflict):
        fewer.cluster.patch(address_of(late), late.fenced(epoch, f"{epoch}.late", late.asking(0)))
    assert work(fewer, BLUE) == ON


def test_before_the_old_side_rests_the_question_says_what_stays_there(fewer: Shop) -> None:
    world = at_bake(fewer)
    advance(world, need_release(world.store.read()).name, Phase.LIVE, TO_LIVE[Phase.LIVE])
    assert pose(world, QuestionKind.SCALE_DOWN, []).changes[1:] == (
        "ledger is no longer in the file: its pods stay, 1",
        "legacy is no longer in the file: its pods stay, 1",
    )


def test_check_does_not_say_of_what_is_handed_over_still_that_no_release_touches_it(fewer: Shop) -> None:
    said: list[str] = []
    check_application(fewer.cluster, fewer.application, fewer.own, said.append)
    (line,) = (line for line in said if "no release touches it" in line)
    assert "legacy" in line, "it only serves: nobody hands it over"
    assert not [name for name in ("ingest", "nightly", "ledger") if name in line]

"""StatefulSets as services and workers: brought up, waited for, handed over, put to rest and brought back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flipgate.core.rights.rules import rules_of
from flipgate.core.spec.application import Application
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.looking.other_kinds import kind_problems
from flipgate.steps.looking.undeclared import undeclared_problems
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.rest import rest
from flipgate.steps.releasing.bring_up import bring_up, open_release, wait_ready
from flipgate.steps.releasing.setup import adopt, apply_application, check_application
from tests.api import stateful
from tests.api.changed_shop import declaring, to_baking
from tests.api.shop import BLUE, GREEN, Shop, under_lease
from tests.api.stateful import QUEUE, STORE, counts, found, playing, with_stateful_sets
from tests.api.steps import unreadable, users_complain
from tests.core.builders import refuses

BUILD = {"store": "shop/store:2", "queue": "shop/queue:2"}


@pytest.fixture
def town(shop: Shop) -> Shop:
    """The shop with its StatefulSets, adopted."""
    shop = with_stateful_sets(shop)
    shop.adopted()
    return shop


def image(shop: Shop, side: Side, name: str) -> str:
    return str(found(shop, side, name)["spec"]["template"]["spec"]["containers"][0]["image"])


def test_it_is_brought_up_with_its_image_and_count_in_one_fenced_write_and_workers_stay_at_0(town: Shop) -> None:
    world = town.world()
    before = found(town, GREEN, "store")
    release = open_release(world, BUILD, "ci")
    under_lease(world, bring_up, release)
    assert (counts(town, GREEN), image(town, GREEN, "store")) == ({"store": 3, "queue": 0}, "shop/store:2")
    after = found(town, GREEN, "store")["metadata"]
    assert after["generation"] == before["metadata"]["generation"] + 1
    assert after["labels"][STAMP] != (before["metadata"].get("labels") or {}).get(STAMP)


def test_its_pods_are_waited_for_until_all_are_of_the_release(town: Shop) -> None:
    """Ready pods of the template before are none of this release's."""
    world, seen = town.world(), list[str]()
    world.say = seen.append
    release = open_release(world, BUILD, "ci")
    under_lease(world, bring_up, release)
    town.play_ready(GREEN)
    stateful.play(town, GREEN, "store", pods=3, ready=3, updatedReplicas=2)
    with refuses("NotReadyInTime", "store"):
        under_lease(world, wait_ready, release, timeout_seconds=0.1)
    with playing(town):
        under_lease(world, wait_ready, release, timeout_seconds=20)
    assert any("of 5 pods Ready" in line for line in seen), seen


def test_workers_are_handed_over_and_back_and_the_old_side_rests(town: Shop) -> None:
    world = town.world()
    with playing(town):
        to_baking(town, world, BUILD)
        assert (counts(town, BLUE)["queue"], counts(town, GREEN)["queue"]) == (0, 2)
        done = roll_back(town.world("ana"), "errors", by="ana")
        assert (done.to, done.left) == (BLUE, ())
        assert (counts(town, BLUE)["queue"], counts(town, GREEN)["queue"]) == (2, 0)
        with world.acting() as acting:
            view = look(acting.world)
            rest(acting, view, need_dark(acting.world, view))
    assert (counts(town, BLUE), counts(town, GREEN)) == ({"store": 3, "queue": 2}, {"store": 0, "queue": 0})
    assert "StatefulSet" in world.store.read().journal[-1].outcome


def test_what_was_taken_out_of_the_file_is_handed_over_as_the_stateful_set_it_was(town: Shop) -> None:
    smaller = declaring(town, without=["queue"])
    with playing(town):
        said = to_baking(smaller, smaller.world(), {"store": "shop/store:2"})
        assert any(line.startswith("queue: no longer in the file") for line in said), said
        assert counts(town, BLUE)["queue"] == 0
        done = roll_back(smaller.world("ana"), "errors", by="ana")
    assert (done.left, counts(town, BLUE)["queue"]) == ((), 2)


def test_adopt_takes_it(shop: Shop) -> None:
    shop = with_stateful_sets(shop)
    record = adopt(quiet(shop.world()))
    assert record.sides[BLUE].replicas == {"web": 2, "mailer": 1, "store": 3, "queue": 2}
    assert record.sides[BLUE].roles["store"].kind == "StatefulSet"
    assert STAMP in found(shop, BLUE, "store")["metadata"]["labels"]


def quiet(world: World) -> World:
    world.say = lambda _: None
    return world


# The file and the cluster


@pytest.mark.parametrize(
    ("declared", "there", "told"),
    [
        ("Deployment", "StatefulSet", "write `kind: StatefulSet` for service store"),
        ("StatefulSet", "Deployment", "take `kind: StatefulSet` out for service store"),
        ("Deployment", "DaemonSet", "a DaemonSet cannot be scaled to zero"),
    ],
)
def test_what_is_there_as_another_kind_is_named_with_the_line_to_write(
    shop: Shop, declared: str, there: str, told: str
) -> None:
    labels = {"app": "store"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "store", "image": "shop/store:1"}]}}
    for side in Side:
        path = f"/apis/apps/v1/namespaces/{shop.namespace(side)}/{there.lower()}s"
        spec = {"selector": {"matchLabels": labels}, "template": template}
        shop.cluster.create(path, {"metadata": {"name": "store"}, "spec": spec})
    shop = declaring(shop, STORE if declared == "StatefulSet" else STORE.replace(", kind: StatefulSet", ""))
    place, store = shop.application.place_of(GREEN), shop.application.service("store")
    (line,) = kind_problems(shop.cluster, place, [store])
    assert line.startswith(f"{there} {shop.namespace(GREEN)}/store is there")
    assert told in line
    with refuses("OtherKind", told):
        apply_application(shop.cluster, shop.application, shop.text, shop.own)


def test_a_daemon_set_beside_the_services_is_said_with_what_it_means(shop: Shop) -> None:
    labels, said = {"app": "agent"}, list[str]()
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "agent", "image": "shop/agent:1"}]}}
    path = f"/apis/apps/v1/namespaces/{shop.namespace(GREEN)}/daemonsets"
    spec = {"selector": {"matchLabels": labels}, "template": template}
    shop.cluster.create(path, {"metadata": {"name": "agent"}, "spec": spec})
    check_application(shop.cluster, shop.application, shop.own, said.append)
    (line,) = [line for line in said if "DaemonSet" in line]
    assert line.startswith(f"DaemonSet {shop.namespace(GREEN)}/agent: a DaemonSet cannot be scaled to zero"), line
    assert "runs on both sides, whichever is live" in line


def test_declared_ones_are_none_of_those_that_nobody_declared(shop: Shop) -> None:
    said: list[str] = []

    def world_of(shop: Shop) -> World:
        return replace(shop.world(), say=said.append)

    shop = with_stateful_sets(shop, STORE)
    assert list(undeclared_problems(world_of(shop))) == []
    assert [line for line in said if "queue" in line and "store" not in line]
    said.clear()
    assert list(undeclared_problems(world_of(declaring(shop, QUEUE)))) == []
    assert not [line for line in said if "not declared" in line], said


# Workers whose pods end one by one


def ending(shop: Shop, world: World, each_seconds: float, until: int) -> None:
    """Each pod of blue's `queue` takes so long to end, the one before it first, until so many are left."""
    waited = [0.0]

    def sleep(seconds: float) -> None:
        waited[0] += max(seconds, 3.0)
        play_all_but_queue(shop)
        left = max(until, 3 - int(waited[0] // each_seconds)) if counts(shop, BLUE)["queue"] == 0 else 3
        stateful.play(shop, BLUE, "queue", pods=left, ready=left)

    world.sleep, world.monotonic = sleep, lambda: waited[0]


def play_all_but_queue(shop: Shop) -> None:
    shop.play_all_ready()
    stateful.play(shop, GREEN, "queue")


@pytest.fixture
def busy(town: Shop) -> Shop:
    """Three of them work on blue."""
    path = f"{stateful.stateful_sets(town, BLUE)}/queue"
    town.patch(path, ("replace", "/spec/replicas", 3))
    stateful.play(town, BLUE, "queue")
    return town


def test_the_limit_of_a_hand_over_is_for_each_pod_where_they_end_one_by_one(busy: Shop) -> None:
    world = quiet(busy.world())
    ending(busy, world, each_seconds=6.0, until=0)
    assert under_lease(world, hand_over_workers, GREEN, timeout_seconds=10.0) == ()
    assert (counts(busy, BLUE)["queue"], counts(busy, GREEN)["queue"]) == (0, 3)


def test_one_that_does_not_end_is_named_with_how_many_are_left(busy: Shop) -> None:
    world = quiet(busy.world())
    ending(busy, world, each_seconds=6.0, until=2)
    with refuses("WorkersNotReady", r"within 40 s: queue \(2 pods left, they end one at a time\)"):
        under_lease(world, hand_over_workers, GREEN, timeout_seconds=10.0)
    assert counts(busy, GREEN)["queue"] == 0, "old-first"


# Without a record


def test_a_rollback_that_cannot_be_recorded_stamps_it_and_names_the_worker_with_its_kind(town: Shop) -> None:
    """The stamps keep a stale scale-down away, and reconcile hands the worker back once the record can be read."""
    with playing(town):
        to_baking(town, town.world(), BUILD)
        with unreadable(town):
            done = users_complain(town, to=BLUE)
        assert (done.recorded, done.to) == (False, BLUE)
        (left,) = [line for line in done.left if line.startswith("workers were not handed over")]
        assert f"kubectl -n {town.namespace(BLUE)} scale statefulset/queue --replicas=2" in left
        stamps = [found(town, side, name)["metadata"]["labels"][STAMP] for side in Side for name in ("store", "queue")]
        assert all(stamp.startswith("unrecorded.") for stamp in stamps[:2]), stamps
        recover(town.world("reconcile"), patience_seconds=0.1)
        assert (counts(town, BLUE)["queue"], counts(town, GREEN)["queue"]) == (2, 0)


def test_rights_on_stateful_sets_are_asked_for_where_one_is_declared_alone(town: Shop, shop: Shop) -> None:
    def needed(application: Application) -> set[tuple[str, str]]:
        return {(rule.resource, verb) for rule in rules_of(application, "own") if rule.needed for verb in rule.verbs}

    more = {("statefulsets", verb) for verb in ("get", "list", "watch", "patch")}
    assert needed(town.application) - needed(shop.application) == more | {("events", "list")}

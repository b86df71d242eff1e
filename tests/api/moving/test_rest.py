"""A side that goes to rest, and what scales it: held first, and as it was when the side is brought up again.

A rest that is cut off anywhere leaves a side that a rollback makes whole."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.workloads.autoscalers import to_hold
from flipgate.steps.acting.outbox import advance
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.live_side import restore_live_side
from flipgate.steps.going_back.recover import recover
from flipgate.steps.looking.autoscalers import find_autoscalers
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.rest import rest
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.settle import settle
from tests.api.keda import AT, GROUP, Keda, with_keda
from tests.api.shop import BLUE, GREEN, Shop, last_entry, opened, under_lease
from tests.api.steps import SCALE_DOWN, approved, unreadable, users_complain
from tests.api.wire import Answer, Handler, Through, serving
from tests.core.builders import declaring

BEFORE = "flipgate.dev/min-replicas-before"
PAUSED_BEFORE = "flipgate.dev/paused-replicas-before"
CUT_OFF: Answer = (403, b'{"kind": "Status", "message": "this machine is cut off"}')
"""What who is dead hears: it tries nothing again."""


def scalers(shop: Shop, side: Side) -> str:
    return f"/apis/autoscaling/v2/namespaces/{shop.namespace(side)}/horizontalpodautoscalers"


def minimum(shop: Shop, side: Side = BLUE, name: str = "web") -> tuple[int, str | None]:
    """What the autoscaler of a side's `web` says: its minimum, and what is noted beside it."""
    found = shop.cluster.get(f"{scalers(shop, side)}/{name}")
    return found["spec"]["minReplicas"], (found["metadata"].get("annotations") or {}).get(BEFORE)


def autoscale(shop: Shop, side: Side, least: int, name: str = "web") -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": 9}
    shop.cluster.create(scalers(shop, side), {"metadata": {"name": name}, "spec": spec})


def obey(shop: Shop) -> None:
    """What the controllers do: what asks for fewer pods than its autoscaler's minimum, and for any, gets that many."""
    for side in Side:
        for each in shop.cluster.items(scalers(shop, side)):
            name, least = each["spec"]["scaleTargetRef"]["name"], each["spec"]["minReplicas"]
            if 0 < shop.counts(side)[name] < least:
                shop.scale(side, name, least)
    shop.play_all_ready()


def warm(shop: Shop, count: int = 1, worker: World | None = None) -> Shop:
    """The shop live on green, its worker there, too; a side at rest keeps so many pods of `web`. That of blue is
    autoscaled, 2 pods at least, and carried users with 5."""
    shop.application = declaring(shop.application, policy={"rest_replicas": count})
    world = shop.gone_live()
    autoscale(shop, BLUE, 2)
    shop.scale(BLUE, "web", 5)
    shop.play_all_ready()
    blue = world.store.read().sides[BLUE]
    world.store.update(lambda r: records.occupied(r, BLUE, but(blue, replicas={"web": 5, "mailer": 1})))
    under_lease(worker or shop.helped(), hand_over_workers, GREEN)
    return shop


def put_to_rest(shop: Shop, world: World | None = None) -> None:
    """What a scale-down does once a person has said yes."""
    world = world or shop.world()
    with world.acting() as acting:
        settling(acting.world)
        view = look(acting.world)
        rest(acting, view, need_dark(world, view), keep=world.application.spec.policy.rest_replicas)


def settling(world: World) -> None:
    if world.store.read().phase is Phase.LIVE:
        advance(world, world.store.read().newest.name, Phase.SETTLING, Reason.SETTLE_APPROVED)  # type: ignore[union-attr]


# Autoscalers


def test_an_autoscalers_minimum_does_not_undo_a_warm_count(shop: Shop, tmp_path: Path) -> None:
    """It is lowered before the count, and the worker stops before what serves."""
    written = list[str]()

    def note(method: str, path: str) -> bool:
        if method == "PATCH" and shop.namespace(BLUE) in path:
            written.append(urlsplit(path).path.rpartition("/")[2])
            obey(shop)
        return False

    warm(shop)
    shop.scale(BLUE, "mailer", 1)
    with serving(Through(shop.kubeconfig, after=note), tmp_path) as cluster:
        put_to_rest(shop, shop.world("worker", cluster))
    assert shop.counts(BLUE) == {"web": 1, "mailer": 0}
    assert minimum(shop) == (1, "[2, 1]")
    assert written == ["web", "mailer", "web"]
    assert last_entry(shop.world()).intent["before"] == "HorizontalPodAutoscaler web minimum 2"
    put_to_rest(shop)
    assert minimum(shop) == (1, "[2, 1]"), "a second rest notes nothing of the first"


def test_the_next_release_there_finds_it_as_it_was(shop: Shop) -> None:
    warm(shop)
    approved(shop.world(), SCALE_DOWN)
    under_lease(shop.world(), settle)
    obey(shop)
    assert (shop.counts(BLUE)["web"], minimum(shop)) == (1, (1, "[2, 1]"))
    world = shop.helped()
    under_lease(world, bring_up, opened(world, "3"))
    assert (shop.counts(BLUE)["web"], minimum(shop)) == (2, (2, None)), "as many as users have now"


def test_a_slow_way_back_restores_what_users_had(shop: Shop) -> None:
    """The count that an autoscaler had set goes before the file's."""
    warm(shop)
    approved(shop.world(), SCALE_DOWN)
    under_lease(shop.world(), settle)
    done = users_complain(shop, lambda: obey(shop), to=BLUE)
    assert (done.way, done.left) == ("slow", ())
    assert (shop.counts(BLUE), minimum(shop)) == ({"web": 5, "mailer": 1}, (2, None))


def test_without_a_record_it_is_put_back_all_the_same(shop: Shop) -> None:
    warm(shop)
    put_to_rest(shop)
    with unreadable(shop):
        users_complain(shop, lambda: obey(shop), to=BLUE)
    assert (shop.where(), minimum(shop)) == (("blue",), (2, None))


def test_what_somebody_set_meanwhile_stays(shop: Shop) -> None:
    warm(shop)
    put_to_rest(shop)
    shop.cluster.merge(f"{scalers(shop, BLUE)}/web", {"spec": {"minReplicas": 4}})
    users_complain(shop, lambda: obey(shop))
    assert minimum(shop) == (4, None)


def test_a_minimum_that_is_lowered_late_is_refused(shop: Shop) -> None:
    """Or the side that users went back to is shrunk to it."""
    warm(shop)
    (held,) = to_hold(find_autoscalers(shop.world(), BLUE), {"web": 1})
    epoch = shop.world().store.read().epoch
    late = held[0].fenced(epoch, f"{epoch}.late", *held[0].holding(1))
    put_to_rest(shop)
    users_complain(shop, lambda: obey(shop))
    with pytest.raises(Conflict):
        shop.cluster.patch(f"{scalers(shop, BLUE)}/web", late)
    assert minimum(shop) == (2, None)


def test_where_the_right_is_missing_it_is_said_with_what_to_type(shop: Shop, tmp_path: Path) -> None:
    def denied(method: str, path: str) -> Answer | None:
        return (403, b'{"kind": "Status", "message": "no"}') if method == "PATCH" and "autoscalers" in path else None

    warm(shop)
    said = list[str]()
    with serving(Through(shop.kubeconfig, before=denied), tmp_path) as cluster:
        world = shop.world("worker", cluster)
        world.say = said.append
        put_to_rest(shop, world)
    (line,) = [each for each in said if "may scale web up from 1 pods" in each]
    assert f"kubectl -n {shop.namespace(BLUE)} patch hpa web --type=merge" in line
    assert shop.counts(BLUE)["web"] == 1


@pytest.mark.parametrize(
    ("method", "away", "times"),
    [
        ("PATCH", "/horizontalpodautoscalers/a-first", 99),
        ("PATCH", "/scaledobjects/web", 99),
        ("GET", "/scaledobjects", 9),
    ],
    ids=str,
)
def test_the_trouble_of_one_is_none_of_the_others_and_reconcile_puts_it_back(
    shop: Shop, tmp_path: Path, method: str, away: str, times: int
) -> None:
    """Else users are on a side that its autoscaler shrinks once it is quiet."""
    broken, failed = False, list[str]()

    def webhook(request: Handler) -> Answer | None:
        path = urlsplit(request.path).path
        if not broken or len(failed) == times or request.command != method or not path.endswith(away):
            return None
        failed.append(path)
        return 500, b'{"kind": "Status", "message": "no webhook"}'

    with with_keda(shop, tmp_path, before=webhook) as keda:
        warm(shop, worker=keda.world())
        autoscale(shop, BLUE, 3, name="a-first")
        path = scaled_object(keda, BLUE)
        put_to_rest(shop, keda.world())
        assert minimum(shop, name="a-first") == (1, "[3, 1]")
        broken = True
        users_complain(shop, lambda: obey(shop), cluster=keda.cluster)
        assert failed
        assert (shop.where(), minimum(shop)) == (("blue",), (2, None))
        broken = False
        world = keda.world("reconcile")
        recover(world)
        restore_live_side(world)
        assert minimum(shop, name="a-first") == (3, None)
        assert not {AT, PAUSED_BEFORE} & (shop.cluster.get(path)["metadata"].get("annotations") or {}).keys()


def scaled_object(keda: Keda, side: Side, **annotations: str) -> str:
    """KEDA's of a side's `web`; its path."""
    where = keda.path(side).rpartition("/")[0]
    named = {f"autoscaling.keda.sh/{name.replace('_', '-')}": value for name, value in annotations.items()}
    body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "ScaledObject", "spec": {"scaleTargetRef": {"name": "web"}}}
    keda.shop.cluster.create(where, {**body, "metadata": {"name": "web", "annotations": named}})
    return f"{where}/web"


@pytest.mark.parametrize(
    ("stood", "noted"), [({}, None), ({"paused_replicas": "3"}, "3"), ({"paused": "true"}, None)], ids=str
)
def test_what_keda_scales_is_paused_at_the_warm_count_and_is_then_as_it_was(
    shop: Shop, tmp_path: Path, stood: dict[str, str], noted: str | None
) -> None:
    """One that a person had paused stays paused."""
    warm(shop)
    with with_keda(shop, tmp_path) as keda:
        path = scaled_object(keda, BLUE, **stood)

        def said() -> dict[str, str]:
            found: dict[str, str] = shop.cluster.get(path)["metadata"].get("annotations") or {}
            return found

        before = said()
        put_to_rest(shop, keda.world())
        assert said() == {**before, AT: "1", PAUSED_BEFORE: json.dumps([noted, "1"])}
        users_complain(shop, lambda: obey(shop), cluster=keda.cluster)
        assert said() == before
    assert shop.counts(BLUE)["web"] == 5


# Cut off


@dataclass
class CutOff:
    """A network that lets so many writes of the rest pass, and then nothing more."""

    passing: int
    begun: bool = False
    written: list[str] = field(default_factory=list)

    def __call__(self, request: Handler) -> Answer | None:
        if not self.begun:
            return None
        if request.command != "GET" and len(self.written) < self.passing:
            self.written.append(f"{request.command} {urlsplit(request.path).path}")
            return None
        return CUT_OFF if len(self.written) == self.passing else None


WRITES, NEVER = 9, 99
"""Of such a rest, at least: a busy machine renews the Lease once more. And one that never comes."""


@pytest.mark.parametrize("passing", [*range(WRITES), NEVER])
def test_a_rest_that_is_cut_off_anywhere_leaves_a_side_that_a_rollback_makes_whole(
    shop: Shop, tmp_path: Path, passing: int
) -> None:
    network = CutOff(passing)
    with with_keda(shop, tmp_path, before=network) as keda:
        warm(shop, worker=keda.world())
        shop.scale(BLUE, "mailer", 1)  # by somebody, so that all kinds of writes are there
        paths = scaled_object(keda, BLUE, paused_replicas="6"), keda.path(BLUE)
        worker = keda.world("worker")
        with suppress(FlipgateError), worker.acting() as acting:
            settling(acting.world)
            view = look(acting.world)
            network.begun = True
            rest(acting, view, need_dark(acting.world, view), keep=1)
        network.begun = False
        done = users_complain(shop, lambda: obey(shop), cluster=keda.cluster)
        said = [shop.cluster.get(path)["metadata"].get("annotations") or {} for path in paths]
    assert (len(network.written) < passing) is (passing == NEVER)
    assert done.left == ()
    assert (shop.where(), shop.world().store.read().phase) == (("blue",), Phase.ROLLED_BACK)
    assert (shop.counts(BLUE), minimum(shop)) == ({"web": 5, "mailer": 1}, (2, None)), network.written
    assert said == [{AT: "6"}, {}]
    assert (shop.counts(GREEN)["mailer"], shop.world().store.read().open_entry) == (0, None)

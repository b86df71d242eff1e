"""A service that serves on both sides and consumes on one, told by a ConfigMap, on the real API server."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record.approvals import Granted
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.values.errors import LostLease, Refused
from flipgate.core.values.stamps import STAMP
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.rest import rest
from flipgate.steps.releasing.bring_up import bring_up, open_release
from flipgate.steps.releasing.questions import standing
from flipgate.steps.releasing.setup import adopt, check_application
from tests.api.front import checked
from tests.api.moving.workers import config_map, nightly_at, suspended, told, with_cron_job, with_ledger
from tests.api.shop import BLUE, GREEN, Shop, advanced, meanwhile, timed_by_its_waiting, under_lease
from tests.api.steps import approved, refusing
from tests.api.users import grant, user
from tests.api.wire import Answer, Through, serving

ASKED = re.compile(r"/namespaces/\S+-(?P<side>blue|green)/pods/ledger-0:8080/proxy/queue$")


@dataclass
class Pods:
    """The pods as they answer: each follows its side's key once it was asked `slow` times after a change."""

    shop: Shop
    slow: int = 0
    seen: list[tuple[str, tuple[str | None, str | None]]] = field(default_factory=list)
    says: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    broken: bool = False

    def __call__(self, method: str, path: str) -> Answer | None:
        asked = ASKED.search(path)
        if not asked:
            return None
        if self.broken:
            return 503, b"out of order"
        side, now = asked["side"], told(self.shop)
        self.seen.append((side, now))
        wanted = now[side == "green"]
        last, lag = self.says.get(side, (wanted, 0))
        if last != wanted and lag < self.slow:
            self.says[side] = last, lag + 1
        else:
            self.says[side] = wanted, 0
        return 200, json.dumps({"consuming": self.says[side][0] == "true"}).encode()


def test_it_is_told_not_to_consume_before_its_pods_come_up_and_no_key_changes_a_release(shop: Shop) -> None:
    shop = with_ledger(shop)
    world = shop.world()
    adopt(world)
    release = open_release(world, {"ledger": "shop/ledger:2"}, "ci")
    assert release.wanted["ledger"] == 1, "it serves, so it is up on the dark side too"
    under_lease(world, bring_up, release)
    assert told(shop) == ("true", "false")
    assert shop.cluster.get(config_map(shop, GREEN))["data"]["OTHER"] == "kept"
    assert shop.version(config_map(shop, GREEN)) < shop.version(f"{shop.deployments(GREEN)}/ledger")
    assert open_release(world, {"ledger": "shop/ledger:2"}, "ci").name == release.name

    advanced(world, release, Phase.DARK)
    approved(world)
    shop.patch(config_map(shop, GREEN), ("remove", "/data/consume", None))
    assert isinstance(standing(world, QuestionKind.FLIP), Granted)
    shop.patch(config_map(shop, GREEN), ("add", "/data/consume", "true"))
    assert standing(world, QuestionKind.FLIP).reason == "SideChanged"  # type: ignore[union-attr]


def test_the_pods_themselves_say_when_they_have_been_handed_over(shop: Shop, tmp_path: Path) -> None:
    shop = with_ledger(shop)
    pods = Pods(shop, slow=2)
    shop.adopted()
    with serving(Through(shop.kubeconfig, before=pods), tmp_path) as cluster, shop.playing_ready():
        world = shop.world(cluster=cluster)
        with world.acting() as acting:
            hand_over_workers(acting, GREEN)
            assert told(shop) == ("false", "true")
            assert hand_over_workers(acting, GREEN) == ()
    steps = list(dict.fromkeys(now for _, now in pods.seen))
    between = ("false", None)
    assert steps == [("true", None), between, ("false", "true")]
    assert [side for side, now in pods.seen if now == between].count("blue") >= 3, "asked until it said so"
    pod = shop.cluster.get(f"/api/v1/namespaces/{shop.namespace(BLUE)}/pods/ledger-0")
    assert pod["metadata"]["annotations"]["flipgate.dev/consume"].startswith("false "), "or a kubelet takes a minute"


def test_pods_that_do_not_say_so_are_named_and_everybody_goes_back(shop: Shop, tmp_path: Path) -> None:
    shop = with_ledger(shop)
    pods = Pods(shop, broken=True)
    live = shop.gone_live()
    assert live.application.name == shop.name
    with serving(Through(shop.kubeconfig, before=pods), tmp_path) as cluster:
        world = timed_by_its_waiting(shop.world(cluster=cluster), shop.play_all_ready)
        late = pytest.raises(Refused, match=r"ledger \(pod ledger-0: status 503, and its body is no JSON\)")
        with world.acting() as acting, late as refused:
            hand_over_workers(acting, GREEN, timeout_seconds=0.3)
        assert (refused.value.reason, told(shop)) == ("WorkersNotReady", ("false", None))
        pods.broken = False
        done = roll_back(world, refused.value.fact, by="ana")
    assert (done.left, told(shop), shop.where()) == ((), ("true", "false"), ("blue",))


def test_on_the_way_back_silent_pods_hold_up_neither_users_nor_workers(shop: Shop, tmp_path: Path) -> None:
    shop = with_ledger(shop)
    shop.gone_live("pipeline")
    shop.scale(BLUE, "mailer", 0)
    with serving(Through(shop.kubeconfig, before=Pods(shop, broken=True)), tmp_path) as cluster:
        world = timed_by_its_waiting(shop.world(cluster=cluster), shop.play_all_ready)
        (left,) = under_lease(world, hand_over_workers, BLUE, timeout_seconds=0.3, back=True)
    assert left.startswith("ledger was not handed over to blue: not as wanted on green")
    assert (shop.counts(BLUE)["mailer"], told(shop)[1]) == (1, "false")


def test_pods_that_cannot_be_asked_are_given_their_time_by_the_clock(shop: Shop) -> None:
    shop = with_ledger(shop, "settleSeconds: 30")
    world, green = shop.adopted(), []
    began = world.now()

    def later() -> None:
        green.append(told(shop)[1])

    meanwhile(world, later).now = lambda: began + timedelta(seconds=10 * len(green))
    with shop.playing_ready():
        under_lease(world, hand_over_workers, GREEN)
    assert told(shop) == ("false", "true")
    assert green[:3] == [None, None, None], "not told before the others had their 30 s"


def test_a_later_actors_stamp_refuses_it_and_other_keys_do_not(shop: Shop) -> None:
    shop = with_ledger(shop, "settleSeconds: 0")
    world = shop.adopted()
    view = look(world)
    shop.patch(config_map(shop, GREEN), ("replace", "/data/OTHER", "changed"))
    under_lease(world, rest, view, need_dark(world, view))
    assert told(shop) == ("true", "false")
    shop.patch(config_map(shop, BLUE), ("add", "/metadata/labels", {STAMP: "99.a"}))
    stale = pytest.raises(LostLease, match=r"ConfigMap \S+-blue/ledger-consume: was stamped in epoch 99")
    with world.acting() as acting, shop.playing_ready(), stale:
        hand_over_workers(acting, GREEN)
    assert told(shop) == ("true", "false")


def test_a_stale_scale_down_cannot_silence_a_side_that_was_chosen_since(shop: Shop) -> None:
    shop = with_ledger(shop)
    world = shop.gone_live()
    shop.patch(config_map(shop, BLUE), ("add", "/metadata/labels", {STAMP: "1.a"}))
    view = look(world)
    dark = need_dark(world, view)
    shop.patch(config_map(shop, BLUE), ("add", "/metadata/labels", {STAMP: "unrecorded.a"}))
    with pytest.raises(Refused, match=r"ConfigMap .* may be live again"):
        under_lease(world, rest, view, dark)
    assert told(shop)[0] == "true"


def test_what_check_asks_for_is_enough_and_it_says_what_could_not_work(shop: Shop, tmp_path: Path) -> None:
    plain = check_application(user(shop, tmp_path, "plain"), shop.application, shop.own)
    assert not any("patch configmaps in namespace " + shop.namespace(BLUE) in problem for problem in plain)
    assert not any("batch" in problem for problem in plain), "asked for where a CronJob is declared, only there"
    shop = with_cron_job(with_ledger(shop, "settleSeconds: 0"))
    robot = user(shop, tmp_path)
    grant(shop, check_application(robot, shop.application, shop.own))
    last = {"status": {"lastScheduleTime": "2026-03-01T04:00:00Z"}}
    shop.cluster.merge(f"{nightly_at(shop, BLUE)}/status", last)
    said: list[str] = []
    world = shop.world("robot", robot)
    adopt(world)
    world.say = said.append
    under_lease(meanwhile(world, shop.play_all_ready), hand_over_workers, GREEN)
    assert (told(shop), suspended(shop), said) == (("false", "true"), (True, False), [])

    shop.cluster.delete(config_map(shop, GREEN))
    source: Any = [{"configMapRef": {"name": "ledger-consume"}}]
    shop.patch(f"{shop.deployments(BLUE)}/ledger", ("add", "/spec/template/spec/containers/0/envFrom", source))
    with refusing("ConfigMapMissing", "lacks the ConfigMaps ledger-consume"):
        under_lease(world, bring_up, open_release(world, {"web": "shop/web:2"}, "ci"))

    shop.cluster.delete(nightly_at(shop, GREEN))
    environment, jobs, gone, row = checked(shop, tmp_path, kubeconfig=tmp_path / "robot.kubeconfig")
    assert jobs == f"namespace {shop.name}-green (green) lacks the CronJobs nightly"
    assert "is read by ledger as environment, which pods see only when they start; mount it" in environment
    assert (
        gone == f"ConfigMap {shop.namespace(GREEN)}/ledger-consume does not exist; it tells ledger whether to consume"
    )
    assert row.startswith("ConfigMap ledger-consume: fail: ")

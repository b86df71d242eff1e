"""The plan that a person says yes to is read from the cluster, and kept with the question."""

from __future__ import annotations

from dataclasses import replace

from flipgate.adapters.addresses import address
from flipgate.core.record.approvals import NotGranted
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.planned import lines_of
from flipgate.core.record.record import Decision, Question
from flipgate.core.values.reasons import Why
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.planned import BACK, GOES, HELD, ROUTES, STAYS, WORK
from flipgate.steps.releasing.questions import decide, pose, standing
from tests.api.desk import Desk
from tests.api.shop import BLUE, GREEN, Shop
from tests.core.builders import ANA, declaring

FLIP, SCALE_DOWN = QuestionKind.FLIP, QuestionKind.SCALE_DOWN


def kept(world: World) -> Question:
    question = world.store.read().question
    assert question is not None
    return question


def test_the_question_about_the_flip_keeps_routes_work_and_the_way_back(shop: Shop) -> None:
    world = shop.gone_live(until=Phase.DARK)
    pose(world, FLIP, [])
    plan = kept(world).plan
    assert lines_of(plan, ROUTES) == (
        f"IngressRoute {shop.own}/live: spec.routes[0].services[0].namespace "
        f"{shop.namespace(BLUE)} -> {shop.namespace(GREEN)}",
    )
    assert lines_of(plan, WORK)[1:] == ("mailer: blue stops 1 pod, green starts 1 pod",)
    assert lines_of(plan, BACK)[0] == "it brings back: web shop/web:1"


def test_both_sides_are_kept_beside_each_other_as_they_stood(shop: Shop) -> None:
    world = shop.gone_live(until=Phase.DARK)
    pose(world, FLIP, [])
    shop.scale(GREEN, "web", 5)
    web, mailer = kept(world).compared
    assert (web.service, web.old.image, web.new.image) == ("web", "shop/web:1", "shop/web:2")
    assert ((web.old.ready, web.old.wanted), (web.new.ready, web.new.wanted), web.new.restarts) == ((2, 2), (2, 2), 0)
    assert ((mailer.old.wanted, mailer.new.wanted), mailer.new.cpu) == ((1, 0), "- / -")


def test_routes_that_would_change_otherwise_are_told_by_their_fields(shop: Shop) -> None:
    world = shop.gone_live(until=Phase.DARK)
    pose(world, FLIP, [])
    decide(world, Decision.APPROVE, by=ANA, via="cli", reason="as agreed")
    rule = {"match": "Host(`b.example`)", "kind": "Rule"}
    target = {"name": "web", "namespace": shop.namespace(BLUE), "port": 80}
    shop.patch(shop.route_path(), ("add", "/spec/routes/-", {**rule, "services": [target]}))
    decided = standing(world, FLIP)
    assert isinstance(decided, NotGranted)
    assert (decided.reason, "now IngressRoute" in decided.fact) == (Why.BASIS_CHANGED, True)
    assert f"spec.routes[1].services[0].namespace {shop.namespace(BLUE)} -> " in decided.fact


def test_the_question_about_the_rest_keeps_what_goes_and_stays_and_what_going_back_takes(shop: Shop) -> None:
    world = shop.gone_live()
    pose(world, SCALE_DOWN, [])
    plan = kept(world).plan
    assert lines_of(plan, GOES)[1:] == ("mailer: 1 of 1 pods", "web: 2 of 2 pods")
    assert lines_of(plan, STAYS) == ("the workloads of blue, their images and their configuration",)
    assert lines_of(plan, HELD) == ()
    assert lines_of(plan, BACK)[0].startswith("slow from then on: 2 pods are started first and have to be Ready: web 2")
    said = Desk(shop).run("status", shop.name).output
    assert "what goes: given back: 3 pods" in said
    assert "mailer: 1 of 1 pods" in Desk(shop).run("status", shop.name, "-o", "wide").output


def test_a_side_that_is_kept_warm_says_what_stays_and_which_autoscaler_is_held(shop: Shop) -> None:
    world = shop.gone_live()
    warm = replace(world, application=declaring(world.application, policy={"rest_replicas": 1}))
    scaler(shop, "web", 2)
    question = pose(warm, SCALE_DOWN, [])
    assert question.changes[0] == "2 pods of blue go; green keeps serving"
    assert lines_of(question.plan, GOES)[1:] == ("mailer: 1 of 1 pods", "web: 1 of 2 pods")
    assert lines_of(question.plan, STAYS)[0] == "web: 1 of 2 pods"
    assert lines_of(question.plan, HELD) == (
        "HorizontalPodAutoscaler web minimum 2 now: is held at 1 until blue is brought up again",
    )


def scaler(shop: Shop, name: str, least: int) -> None:
    """An autoscaler of one of blue's Deployments."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": 9}
    path = address("HorizontalPodAutoscaler", shop.namespace(BLUE))
    shop.cluster.create(path, {"metadata": {"name": name}, "spec": spec})

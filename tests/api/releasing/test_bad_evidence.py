"""A yes on evidence that says no: refused where the step would be refused anyway, and never without a word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flipgate.core.record import record as records
from flipgate.core.record.form import Filled
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import World
from flipgate.steps.looking.undeclared import undeclared_evidence, undeclared_problems
from flipgate.steps.releasing.forms import take_form
from flipgate.steps.releasing.questions import decide, pose
from flipgate.steps.releasing.settle import soak_evidence
from tests.api.desk import Desk
from tests.api.shop import BLUE, GREEN, ROUTES, Shop
from tests.core.builders import ANA


def put_route(shop: Shop, to: str) -> str:
    """A second route, which nobody declared; returns its address."""
    service = {"name": "web", "namespace": to, "port": 80}
    spec = {"routes": [{"kind": "Rule", "match": "Host(`y`)", "services": [service]}]}
    body = {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": "second"}, "spec": spec}
    shop.cluster.create(f"{ROUTES}/{shop.own}/ingressroutes", body)
    return f"{ROUTES}/{shop.own}/ingressroutes/second"


def asked(world: World) -> World:
    """The soak is over, and a person is asked whether the old side may rest, on what is found now."""
    world.store.update(lambda r: records.update_release(r, lambda each: but(each, settle_after=world.now())))
    release = world.store.read().release
    assert release
    pose(world, QuestionKind.SCALE_DOWN, soak_evidence(world, release))
    return world


def say_yes(world: World) -> None:
    decide(world, Decision.APPROVE, by=ANA, via="cli", reason="it soaked")


def other_route(shop: Shop) -> Callable[[], None]:
    path = put_route(shop, shop.namespace(BLUE))
    return lambda: shop.cluster.delete(path)


def short_side(shop: Shop) -> Callable[[], None]:
    shop.play_ready(GREEN, "web", ready=1)
    return lambda: shop.play_ready(GREEN, "web")


@pytest.mark.parametrize(
    ("make", "reason", "fact", "mend"),
    [
        (other_route, "UndeclaredRoute", "leads to blue, and is not declared", "first let all of it lead to green"),
        (short_side, "LiveSideNotReady", "is not Ready: web 1/2", "get pods"),
    ],
)
def test_a_yes_to_what_would_be_refused_anyway_is_refused_with_the_mend_and_the_question_stays(
    shop: Shop, make: Callable[[Shop], Callable[[], None]], reason: str, fact: str, mend: str
) -> None:
    world = shop.gone_live()
    mended = make(shop)
    asked(world)
    with pytest.raises(Refused, match=fact) as refused:
        say_yes(world)
    assert refused.value.reason == reason
    assert (mend in refused.value.next_command, "the way back stays open" in refused.value.untouched) == (True, True)
    assert refused.value.next_command.endswith(f"then again flipgate approve {shop.name}")
    record = world.store.read()
    assert (record.approval, record.question is not None) == (None, True)

    said: list[str] = []
    world.say = said.append
    assert record.question
    take_form(world, record.question, Filled(Decision.APPROVE, "it soaked", "eve"))
    assert world.store.read().approval is None
    assert [line for line in said if fact in line and "changes nothing" in line]

    decide(world, Decision.REJECT, by=ANA, via="cli", reason="a no is never refused")
    asked(world)
    mended()
    say_yes(world)
    approval = world.store.read().approval
    assert approval, "by what is so now, not by what was shown"
    assert approval.decision is Decision.APPROVE


def test_what_a_flip_goes_on_for_all_that_is_printed_with_the_yes_and_shown_before_it(
    shop: Shop, dark: World, tmp_path: Path
) -> None:
    put_route(shop, shop.namespace(BLUE))
    pose(dark, QuestionKind.FLIP, undeclared_evidence(dark))
    desk = Desk(shop, tmp_path)
    bad = f"other routes: fail, IngressRoute {shop.own}/second leads to blue: users who come by it are not moved"
    plain = desk.run("status", shop.name).stdout
    assert [line for line in plain.splitlines() if line.startswith(f"  Evidence    {bad}")], plain

    result = desk.run("approve", shop.name, "--reason", "a campaign that is over")
    assert result.exit_code == 0, result.output
    assert [line for line in result.stdout.splitlines() if line.startswith(f"not passed: {bad}")], result.stdout


def test_which_comes_first_is_said_where_declaring_would_split_the_routes(shop: Shop) -> None:
    path = put_route(shop, shop.namespace(GREEN))
    first = "first let all of it lead to blue, where users are, and only then declare it under spec.routes"
    (line,) = undeclared_problems(shop.world())
    assert first in line
    shop.patch(path, ("replace", "/spec/routes/0/services/0/namespace", shop.namespace(BLUE)))
    (line,) = undeclared_problems(shop.world())
    assert "/second" in line
    then = "declare it under spec.routes, and it is moved with the others, or under spec.routesThatStay"
    assert line.endswith(f"others; {then}")

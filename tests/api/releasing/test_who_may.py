"""Who may say yes, where a policy says it: in a form, at a command, and by what stands in the record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flipgate.core.gates.kinds import Gate
from flipgate.core.record.approvals import Granted, NotGranted
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.spec.policy import Approver
from flipgate.core.values.base import but
from flipgate.core.values.who import Identity, Speaker
from flipgate.steps.acting.world import World
from flipgate.steps.releasing import questions
from tests.api.forms import NO, YES, Run
from tests.api.shop import Shop
from tests.api.steps import refusing
from tests.core.builders import ANA, BEN, declaring

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

FLIP = QuestionKind.FLIP


@pytest.fixture
def dark(shop: Shop) -> World:
    """A release that is up on green, and that nobody was asked about."""
    return shop.gone_live(until=Phase.DARK)


def approves(world: World, who: Speaker) -> None:
    questions.decide(world, Decision.APPROVE, by=who, via="cli", reason="as agreed")


def of_ana_alone(world: World) -> World:
    return replace(world, application=declaring(world.application, policy={"approvers": (Approver(user="ana"),)}))


def test_a_policy_that_names_approvers_takes_no_yes_from_a_form_and_a_no_from_anybody(dark: World) -> None:
    dark, run = of_ana_alone(dark), Run()
    assert run.asks(dark) is None
    run.answer({**YES, "name": "ana"})
    assert run.asks(dark) is None, "asked once more: nobody has proven that it was her"
    assert dark.store.read().approval is None
    approves(dark, ANA)
    assert run.asks(dark) == Granted(by="ana", reason="as agreed")
    run.answer(NO)
    refused = run.asks(dark)
    assert isinstance(refused, NotGranted)
    assert refused.fact == "ben (self-declared) said no: orders fail"


@pytest.mark.parametrize("identity", [None, Identity(user="ben")], ids=["a claim", "a login that may not"])
def test_a_yes_that_was_written_into_the_record_moves_nobody_and_is_in_nobodys_way(
    dark: World, identity: Identity | None
) -> None:
    dark, run = of_ana_alone(dark), Run()
    assert run.asks(dark) is None
    approves(dark, ANA)
    dark.store.update(lambda r: but(r, approval=r.approval and but(r.approval, by="ben", identity=identity)))

    void = questions.standing(dark, FLIP)
    assert isinstance(void, NotGranted)
    assert void.reason == ("SelfDeclared" if identity is None else "NotAnApprover")
    assert run.asks(dark) is None, "asked anew"
    assert (len(run.asked), dark.store.read().approval) == (2, None)
    approves(dark, ANA)
    assert run.asks(dark) == Granted(by="ana", reason="as agreed")


def test_a_yes_does_not_outlive_the_policy_that_it_was_given_under(dark: World) -> None:
    run = Run()
    assert run.asks(dark) is None
    approves(dark, BEN)
    assert run.asks(dark) == Granted(by="ben", reason="as agreed")

    now = of_ana_alone(dark)
    void = questions.standing(now, FLIP)
    assert isinstance(void, NotGranted)
    assert (void.reason, "who may approve" in void.fact) == ("BasisChanged", True)
    assert run.asks(now) is None
    with refusing("NotAnApprover"):
        approves(now, BEN)


def test_a_yes_does_not_outlive_the_gates_that_were_to_pass(dark: World) -> None:
    """Or who may change the file takes away what a person was shown, and the move goes on with their word."""
    run, gates = Run(), (Gate.model_validate({"name": "tested", "verified": {"hours": 2}, "at": "flip"}),)
    spec = dark.application.spec.model_copy(update={"gates": gates})
    before = replace(dark, application=dark.application.model_copy(update={"spec": spec}))
    assert run.asks(before) is None
    approves(before, BEN)
    assert run.asks(before) == Granted(by="ben", reason="as agreed")

    void = questions.standing(dark, FLIP)
    assert isinstance(void, NotGranted)
    assert (void.reason, "what the gates are that have to pass" in void.fact) == ("BasisChanged", True)
    assert run.asks(dark) is None, "asked anew"

"""A reference to a variable where people type: Prefect's server resolves it, and flipgate does not take the value.

https://github.com/PrefectHQ/prefect/blob/3.9.1/src/prefect/server/api/flow_runs.py (resume_flow_run)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.input import keyset_from_base_key
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from prefect.states import Suspended

from flipgate.adapters import runs
from flipgate.core.record.form import NOT_KEPT, Filled
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Decision, Question
from flipgate.core.record.ticks import Tick
from flipgate.core.values.errors import BadInput
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.world import World
from flows.approval import form_of, forms
from flows.deploy_dark import deploy_dark
from flows.opening import need_own_words, own_words
from lab.control.pipelines import Pipelines
from tests.lab.prefect_api import PrefectApi

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

SECRET = "hunter2 of the registry"
VARIABLE = {"__prefect_kind": "workspace_variable", "variable_name": "registry"}
QUOTED = {"__prefect_kind": "json", "value": {"__prefect_kind": "workspace_variable", "variable_name": "quoted"}}
NESTED = {"__prefect_kind": "jinja", "template": VARIABLE}
YES = {"decision": "approve", "reason": "the checks are green", "name": "ana"}


@pytest.fixture(scope="module")
def prefect(alone: Pipelines) -> Iterator[PrefectApi]:
    with alone.client() as client:
        for name, value in (("registry", SECRET), ("quoted", json.dumps(SECRET))):
            client.post("/variables/", json={"name": name, "value": value}).raise_for_status()
    with temporary_settings({PREFECT_API_URL: alone.api_url, PREFECT_API_AUTH_STRING: alone.login}):
        yield PrefectApi(alone)


@dataclass
class Asked:
    """A run that has put up a form, and waits; as `suspend_flow_run` leaves one behind."""

    prefect: PrefectApi
    run: str = ""
    question: str = field(default_factory=lambda: uuid4().hex)
    said: list[str] = field(default_factory=list)
    kind: QuestionKind = QuestionKind.FLIP
    ticks: tuple[Tick, ...] = ()

    def __post_init__(self) -> None:
        self.run = self.prefect.start("flip-traffic", {"application": "shop", "release": "abc-1"})
        keys = keyset_from_base_key(f"suspended-{self.question}-1")
        form_of(self.asked).with_initial_data(description="?").save(keys, flow_run_id=UUID(self.run))
        state: Any = Suspended(timeout_seconds=600, pause_key=f"{self.question}-1")
        state.state_details.run_input_keyset = keys
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(self.run), state, force=True)
        self.prefect.wait(self.run, "PAUSED")

    @property
    def asked(self) -> Question:
        now = datetime.now(UTC)
        facts = SimpleNamespace(id=self.question, expires_at=now, kind=self.kind, ticks=self.ticks)
        return cast("Question", facts)

    def read(self) -> tuple[list[Filled], list[Evidence]]:
        """What the run takes for answers when it has been woken."""
        return forms(cast("World", SimpleNamespace(say=self.said.append)), self.run, self.kind, f"{self.question}-")

    def outcome(self) -> str:
        """All that flipgate makes of it, and all that Prefect shows of the run."""
        shown = self.prefect.flow_run(self.run)["parameters"]
        return repr((self.read(), self.said, shown, self.prefect.log(self.run)))


@pytest.mark.parametrize("field", ["name", "reason"])
@pytest.mark.parametrize("reference", [VARIABLE, QUOTED, NESTED], ids=["variable", "json", "jinja"])
def test_a_form_with_a_reference_is_no_answer_and_its_value_is_nowhere(
    prefect: PrefectApi, field: str, reference: dict[str, Any]
) -> None:
    asked = Asked(prefect)
    assert prefect.resume(asked.run, {**YES, field: reference}) == "ACCEPT"  # type: ignore[dict-item]
    (kept,) = runs.answers_of(asked.run, f"suspended-{asked.question}-")
    assert SECRET in kept, "the server resolves it, before anybody could keep it from doing so"

    answers, (refused,) = asked.read()
    assert not answers
    assert refused.answer.startswith(f"it has a {field} that is the value of one of Prefect's variables")
    assert SECRET not in asked.outcome()


def test_what_a_person_types_is_heard_and_braces_in_it_stay(prefect: PrefectApi) -> None:
    asked = Asked(prefect)
    assert prefect.resume(asked.run, {**YES, "name": "{{ 7 * 191 }}"}) == "ACCEPT"
    assert asked.read() == ([Filled(Decision.APPROVE, YES["reason"], "{{ 7 * 191 }}")], [])


def test_the_end_of_a_soak_has_its_choices_and_ticks_of_which_the_server_takes_what_can_be_meant(
    prefect: PrefectApi,
) -> None:
    tick = Tick(name="backup-verified", text="a backup was read back today")
    asked = Asked(prefect, kind=QuestionKind.SCALE_DOWN, ticks=(tick,))
    longer = {**YES, "decision": "extend", "hours": 48}
    for wrong in ({"hours": 721}, {"hours": "many"}, {"decision": "later"}, {tick.field: "yes"}, {"tick_other": True}):
        assert prefect.resume(asked.run, {**longer, **wrong}) == "REJECT", wrong
    assert prefect.resume(asked.run, {**longer, tick.field: True}) == "ACCEPT"
    said = Filled(Decision.EXTEND, YES["reason"], "ana", 48, ("backup-verified",))
    assert asked.read() == ([said], [])


def test_a_doorbell_wakes_a_run_whatever_its_form_asks(prefect: PrefectApi) -> None:
    asked = Asked(prefect, kind=QuestionKind.SCALE_DOWN, ticks=(Tick(name="calm", text="no match is on"),))
    assert runs.ring(asked.run, "reject", "kept longer", "ana")
    assert asked.read() == ([], [])


@pytest.mark.parametrize("given", [{**YES, "name": VARIABLE}, {"decision": VARIABLE}, SECRET])
def test_what_is_written_into_a_run_past_its_form_stays_a_reference_and_is_no_answer(
    prefect: PrefectApi, given: Any
) -> None:
    asked = Asked(prefect)
    body = {"key": f"suspended-{asked.question}-2-response", "value": json.dumps(given), "sender": None}
    prefect._call("POST", f"/flow_runs/{asked.run}/input", body)
    answers, (refused,) = asked.read()
    assert (answers, refused.gate) == ([], "an answer before")
    assert SECRET not in asked.outcome()


@pytest.mark.parametrize("reference", [VARIABLE, QUOTED, NESTED], ids=["variable", "json", "jinja"])
def test_a_run_whose_parameter_was_a_reference_is_refused_before_it_looks_at_anything(
    prefect: PrefectApi, reference: dict[str, Any]
) -> None:
    """Prefect stores the value as the run's parameter, and shows it there to whoever has its login."""
    run = prefect.start("deploy-dark", {"application": "shop", "images": {"web": "shop/web:2"}, "name": reference})
    name = prefect.flow_run(run)["parameters"]["name"]
    assert name == SECRET
    with pytest.raises(BadInput, match="is the value of one of Prefect's variables") as refused:
        deploy_dark.fn("shop", {"web": "shop/web:2"}, name)
    assert SECRET not in str(refused.value)
    with pytest.raises(BadInput, match="parameter images, web"):
        deploy_dark.fn("shop", {"web": name}, "ana")
    need_own_words(name="ana", reason="")


def test_the_way_back_goes_without_what_a_variable_holds(prefect: PrefectApi) -> None:
    assert own_words(reason=SECRET, name="ana") == {"reason": NOT_KEPT, "name": "ana"}


def test_the_way_back_goes_on_where_prefect_says_nothing() -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert own_words(reason="orders fail", name="") == {"reason": "orders fail", "name": ""}


def test_all_variables_are_read_however_many_there_are(prefect: PrefectApi, alone: Pipelines) -> None:
    with alone.client() as client:
        for number in range(runs.VARIABLES_A_PAGE):
            client.post("/variables/", json={"name": f"v{number}", "value": f"value {number}"}).raise_for_status()
    held = runs.variables()
    assert {SECRET, "value 0", f"value {runs.VARIABLES_A_PAGE - 1}"} <= held

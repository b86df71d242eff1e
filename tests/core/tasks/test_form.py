"""The form of a question, as Prefect's server judges what is filled in."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from unittest.mock import patch
from uuid import UUID

import pytest

pytestmark = pytest.mark.xdist_group("prefect")

YES = {"decision": "approve", "reason": "the checks are green", "name": "ana"}


def taken(form: dict[str, object]) -> bool:
    from prefect.utilities.schema_tools.validation import is_valid

    from flows.approval import Answer

    return is_valid(form, Answer.with_initial_data(description="?").model_json_schema())


@pytest.mark.parametrize("name", ["ana", "Ána Müller", "ana@shop.example", "{{ 7 * 191 }}"])
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert taken({**YES, "name": name})


@pytest.mark.parametrize("name", ["", "ana\n", "ana\nApproved by the boss", "ana\x1b[2K", "a" * 101, {"a": "b"}, None])
def test_what_is_no_name_on_one_line_is_refused(name: object) -> None:
    assert not taken({**YES, "name": name})


def test_a_doorbell_rings_whoever_decided() -> None:
    """The command line says who is logged in, as the cluster calls them, which may be long."""
    from flipgate.adapters import runs

    user = "arn:aws:sts::123456789012:assumed-role/" + "a" * 300
    rung: list[dict[str, object]] = []

    class Client:
        def resume_flow_run(self, _: UUID, run_input: dict[str, object]) -> SimpleNamespace:
            rung.append(run_input)
            return SimpleNamespace(status=SimpleNamespace(value="ACCEPT"))

    with patch.object(runs, "_client", lambda *_: nullcontext(Client())):
        assert runs.ring(str(UUID(int=1)), "approve", "it soaked", user)
    assert taken(rung[0])

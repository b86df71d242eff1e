"""A flow run that asks, and the forms that Prefect keeps of it: Prefect itself is played."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest

from flipgate.adapters import runs
from flipgate.core.record.approvals import Granted, NotGranted
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Question
from flipgate.steps.acting.world import World
from flipgate.steps.releasing import questions
from tests.api.played import SuspendedError

YES = {"decision": "approve", "reason": "looks good", "name": "ben"}
NO = {"decision": "reject", "reason": "orders fail", "name": "ben"}


@dataclass
class Run:
    """One flow run, as Prefect keeps it: every form it put up, by key, and what was answered to it."""

    id: str = field(default_factory=lambda: str(uuid4()))
    forms: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    schema: dict[str, Any] = field(default_factory=dict)
    shown: str = ""
    variables: tuple[str, ...] = ()

    def asks(
        self, world: World, kind: QuestionKind = QuestionKind.FLIP, look: Callable[[], list[Any]] = list
    ) -> Granted | NotGranted | None:
        """The part of a flow that asks, from the top; None when the run was suspended."""
        from flows import approval as waiting  # Prefect takes seconds: only who runs these tests waits for it

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(waiting, "flow_run", SimpleNamespace(id=self.id))
            patched.setattr(waiting, "task", SimpleNamespace(pose=_pose))
            patched.setattr(waiting, "suspend_flow_run", self._suspend)
            patched.setattr(waiting, "showing_question", lambda *_: nullcontext())
            patched.setattr(runs, "answers_of", self._answers)
            patched.setattr(runs, "variables", lambda: frozenset(self.variables))
            try:
                return waiting.ask_person(world, kind, look)
            except SuspendedError:
                return None

    def answer(self, form: dict[str, Any]) -> None:
        """What a person presses in the form that is up; the next `asks` is the resumed run.

        Raises ValidationError, by Prefect's own judgement, for what the server refuses.
        """
        from prefect.utilities import schema_tools

        schema_tools.validate(form, self.schema, raise_on_error=True)
        self.forms[f"suspended-{self.asked[-1]}-response"] = form

    def rings(self) -> AbstractContextManager[None]:
        """What is rung meanwhile, resumes this run."""

        def resume(run: UUID, run_input: dict[str, Any]) -> SimpleNamespace:
            assert str(run) == self.id
            self.answer(run_input)
            return SimpleNamespace(status=SimpleNamespace(value="ACCEPT"))

        client = SimpleNamespace(resume_flow_run=resume)
        return patch.object(runs, "_client", lambda *_: nullcontext(client))

    def _suspend(self, *, wait_for_input: Any, key: str, **_: Any) -> None:
        assert key not in self.asked, "Prefect hands out the old form for a key that it knows"
        self.asked.append(key)
        self.schema, self.shown = wait_for_input.model_json_schema(), str(wait_for_input._description)
        raise SuspendedError

    def _answers(self, run: str, prefix: str) -> list[str]:
        assert run == self.id
        return [json.dumps(form) for key, form in self.forms.items() if key.startswith(prefix)]


def _pose(world: World, kind: QuestionKind, evidence: list[Any], run: str) -> Question:
    return questions.pose(world, kind, evidence, flow_run=run)

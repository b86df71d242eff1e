"""Gates at points on a real API server, between the steps of played flows: nobody is asked, or moved, on what does not
pass; reconcile asks again; and a person's word passes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record.going_on import DOORBELL
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision, Question
from flipgate.core.record.release import CHECKS
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import Refused, TemporaryError
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.releasing.questions import decide
from flipgate.steps.releasing.settle import settle, soak_evidence
from flipgate.steps.watching.soak_gates import note_soak_gates
from tests.api.desk import Desk
from tests.api.front import fronted
from tests.api.played import PlayedPrefect, SuspendedError, played
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, timed_by_its_waiting, under_lease
from tests.api.steps import SCALE_DOWN, approved, later, status
from tests.api.wire import Answer, Handler, number, serving
from tests.core.builders import ANA

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

FLIP = QuestionKind.FLIP
ERRORS = '{name: error-lines, logs: {pattern: "error|exception", max: 10}, at: flip}'
VERIFIED = "{name: verified, verified: {hours: 2}, at: flip}"
HOURS = 3600.0


@dataclass
class Side:
    """What the gates are told: lines of the one container of green, and Prometheus' number."""

    lines: list[str] = field(default_factory=list)
    number: str = "0"

    def error(self, times: int) -> None:
        """So many lines of an error, written since the side came up."""
        when = utc_now().isoformat().replace("+00:00", "Z")
        self.lines = [f"{when} an error" for _ in range(times)]


@contextmanager
def gated(shop: Shop, world: World, folder: Path, *gates: str) -> Iterator[tuple[World, Side]]:
    """The shop with these gates in its file; what kubelets and Prometheus would answer is played."""
    side, pods = Side(), f"/api/v1/namespaces/{shop.namespace(GREEN)}/pods"
    container = {"name": "web", "image": "shop/web:2"}
    shop.cluster.create(pods, {"metadata": {"name": "web-1"}, "spec": {"containers": [container]}})
    through = fronted(shop)

    def script(request: Handler) -> Answer | None:
        if "/log?" in request.path:
            return 200, "".join(f"{line}\n" for line in side.lines).encode()
        if request.path.startswith("/api/v1/query"):
            return 200, number(side.number)
        return through(request)

    with serving(script, folder) as cluster:
        text = f"{shop.text}  metrics: {{prometheus: '{cluster.server}'}}\n  gates: [{', '.join(gates)}]\n"
        shop.text = text
        application = load_application(text, "shop.yaml")
        path = f"{shop.config_maps}/application-{shop.name}"
        shop.cluster.merge(path, {"data": {"application.yaml": text}})
        there = shop.world(world.actor, cluster)
        there.application = application
        yield timed_by_its_waiting(there), side


def flip(world: World) -> Any:
    release = world.store.read().release
    assert release
    with played(world) as flows:
        return flows.flip_traffic(world.application.name, release.name)


def reconcile(world: World) -> None:
    with played(world) as flows:
        flows.reconcile(world, "default")


def asked(world: World) -> Question:
    question = world.store.read().question
    assert question
    return question


def shown(question: Question, gate: str) -> tuple[str, str]:
    (found,) = [proof for proof in question.evidence if proof.gate == gate]
    return found.verdict, found.detail


@pytest.mark.usefixtures("suspending")
def test_eleven_error_lines_in_the_hour_before_the_flip_and_nobody_is_asked_until_they_are_ten(
    shop: Shop, dark: World, tmp_path: Path, prefect: PlayedPrefect
) -> None:
    with gated(shop, dark, tmp_path, ERRORS) as (world, green):
        green.error(11)
        state = flip(world)
        assert (state.name, state.is_completed()) == ("Held", True)
        assert "error-lines: fail: 11 in " in state.message
        record = world.store.read()
        assert (record.phase, record.question) == (Phase.DARK, None)
        told = json.loads(status(shop, shop.name, "-o", "json"))["next"]
        assert "(GatesNotPassed): " in told["step"]
        assert "once the gates pass, which it asks every five minutes" in told["step"]
        assert told["command"] == f"flipgate flip {shop.name}"

        heard: list[str] = []
        reconcile(replace(world, say=heard.append))
        assert any(line.startswith("nobody is asked: gates do not pass: error-lines: fail") for line in heard)
        assert prefect.of("flip-traffic") == []

        green.error(10)
        reconcile(world)
        reconcile(world)
        (run,) = prefect.of("flip-traffic")
        assert "-held-" in run["idempotency_key"]
        with pytest.raises(SuspendedError):
            flip(world)
        verdict, said = shown(asked(world), "error-lines")
        assert (verdict, said.startswith("10 in ")) == ("pass", True)
        assert said.endswith("(wanted at most 10)")


@pytest.mark.usefixtures("suspending")
def test_a_gate_that_fails_right_before_the_move_makes_the_yes_void_and_moves_nobody(
    shop: Shop, dark: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import steps

    monkeypatch.setattr(steps.scale_to_live, "fn", lambda _, release: release)
    with gated(shop, dark, tmp_path, ERRORS) as (world, green):
        with pytest.raises(SuspendedError):
            flip(world)
        Desk(shop).run("approve", shop.name, "--reason", "as agreed")
        green.error(11)
        assert flip(world).name == "Held"
    record = world.store.read()
    assert (record.phase, shop.where(), record.question, record.approval) == (Phase.DARK, ("blue",), None, None)
    assert record.release
    assert record.release.stopped
    assert record.release.stopped.withdrawn


@pytest.mark.usefixtures("suspending")
def test_what_fails_a_run_after_gates_have_held_its_release_has_another_ask(
    shop: Shop, dark: World, tmp_path: Path, prefect: PlayedPrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import steps

    def unreachable(*_: object) -> None:
        raise TemporaryError("did not answer", obj="the API server")

    with gated(shop, dark, tmp_path, ERRORS) as (world, green):
        reconcile(world)
        green.error(11)
        assert flip(world).name == "Held"
        prefect.of("flip-traffic")[-1]["state_type"] = "COMPLETED"
        green.error(10)
        reconcile(world)
        with monkeypatch.context() as patched:
            patched.setattr(steps.check_again, "fn", unreachable)
            with pytest.raises(TemporaryError):
                flip(world)
        prefect.of("flip-traffic")[-1]["state_type"] = "FAILED"
        reconcile(world)
        _, second, third = prefect.of("flip-traffic")
        assert third["idempotency_key"].startswith(second["idempotency_key"])
        with pytest.raises(SuspendedError):
            flip(world)


@pytest.mark.usefixtures("suspending")
def test_break_glass_passes_a_gate_before_the_question_and_it_is_shown_as_passed(
    shop: Shop, dark: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flipgate.core.record.going_on import Run

    monkeypatch.setattr("flipgate.adapters.runs.start", lambda *_, **__: Run("r", "flip", ""))
    with gated(shop, dark, tmp_path, ERRORS) as (world, green):
        green.error(11)
        assert flip(world).name == "Held"
        said = Desk(shop).run("flip", shop.name, "--break-glass", "--reason", "users cannot pay")
        assert said.exit_code == 0, said.output
        with pytest.raises(SuspendedError):
            flip(world)
        verdict, detail = shown(asked(world), "error-lines")
    assert verdict == "info"
    assert detail.startswith("fail, passed by break-glass of ")


@pytest.mark.usefixtures("suspending")
def test_a_release_that_was_not_dark_for_long_enough_is_asked_about_when_it_was(
    shop: Shop, dark: World, tmp_path: Path, prefect: PlayedPrefect
) -> None:
    with gated(shop, dark, tmp_path, VERIFIED) as (world, _):
        early = flip(world)
        assert early.name == "Held"
        assert "; enough at " in early.message
        reconcile(later(world, 2 * HOURS - 60))
        assert prefect.of("flip-traffic") == []
        reconcile(later(world, 2 * HOURS + 1))
        assert len(prefect.of("flip-traffic")) == 1
        with pytest.raises(SuspendedError):
            flip(later(world, 2 * HOURS + 1))
        assert shown(asked(world), "verified")[0] == "pass"


@pytest.mark.usefixtures("suspending")
def test_an_unknown_gate_keeps_the_way_back_open_and_a_word_passes_it(
    shop: Shop, live: World, tmp_path: Path, prefect: PlayedPrefect
) -> None:
    from tasks.question import question_text

    gate = '{name: ratio, promql: "x{namespace=\\"{namespace}\\"}[{window}]", of: namespace, max: 1, at: scale-down}'
    with gated(shop, live, tmp_path, gate) as (world, prometheus):
        release = world.store.read().release
        assert release
        prometheus.number = "NaN"
        (evidence,) = [each for each in soak_evidence(world, release) if each.gate == "ratio"]
        assert (evidence.verdict, "no number (NaN" in evidence.answer) == (Verdict.UNKNOWN, True)
        heard: list[str] = []
        with played(replace(world, say=heard.append)) as flows, pytest.raises(SuspendedError):
            flows.scale_down(shop.name, release.name)
        assert shown(asked(world), "ratio")[0] == "unknown"
        assert any("Not passed: ratio: unknown." in line for line in heard), "as it is told in Slack"
        form = question_text(shop.name, asked(world), [evidence])
        assert "| ratio | **unknown** | no number " in form
        assert "(wanted at most 1) |" in form
        decide(world, Decision.APPROVE, by=ANA, via="cli", reason="as agreed")
        with played(world) as flows:
            assert flows.scale_down(shop.name, release.name).name == "Held"
        record = world.store.read()
        assert record.release
        assert "ratio" in [proof.gate for proof in record.release.decisions[-1].evidence], "the history"
        assert (record.phase, record.approval, shop.counts(BLUE)) == (Phase.LIVE, None, COUNTS)
        reconcile(later(world, DOORBELL.total_seconds() + 1))
        assert prefect.of("scale-down") == []

        said = Desk(shop).run("scale-down", shop.name, "--break-glass", "--reason", "blue costs too much")
        assert "closed windows and the file's gates" in said.output, said.output
        approved(world, SCALE_DOWN)
        shop.play_all_ready()
        assert under_lease(world, settle).phase is Phase.SETTLED


@pytest.mark.parametrize(
    ("answer", "phase", "said"),
    [
        ("2", Phase.FAILED, "ratio: fail: 2 of "),
        ("NaN", Phase.DARK, "0 checks passed; not known yet, and asked again before a person is: ratio"),
        ("0", Phase.DARK, "1 checks passed"),
    ],
)
@pytest.mark.usefixtures("prefect")
def test_at_dark_a_gate_that_fails_fails_the_release_and_one_that_is_unknown_is_asked_again(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, phase: Phase, said: str
) -> None:
    monkeypatch.setattr("flows.deploy_dark.keep_failure", lambda *_: "")
    gate = '{name: ratio, promql: "x{namespace=\\"{namespace}\\"}[{window}]", of: namespace, max: 1, at: dark}'
    with gated(shop, shop.adopted("pipeline"), tmp_path, gate) as (world, prometheus):
        prometheus.number = answer
        with shop.playing_ready(), played(world) as flows, suppress(Refused):
            flows.deploy_dark(shop.name, {"web": "shop/web:2"})
        release = world.store.read().newest
        assert release
        assert (release.phase, said in release.changes[-1].message) == (phase, True), release.changes[-1].message
        (judgement,) = [each for each in release.judgements if each.step == CHECKS]
        assert [proof.gate for proof in judgement.proofs] == ["ratio"]
        if answer == "NaN":
            assert flip(world).name == "Held", "unknown never passes"


def test_what_is_bad_in_the_soak_is_told_once_and_shown_and_moves_nobody(
    shop: Shop, live: World, tmp_path: Path
) -> None:
    gate = '{name: ratio, promql: "x{namespace=\\"{namespace}\\"}[{window}]", of: namespace, max: 1, at: soak}'
    heard: list[str] = []

    def condition() -> tuple[str, str]:
        told = json.loads(status(shop, shop.name, "-o", "json"))["conditions"]
        (found,) = [each for each in told if each["type"] == "GatesPass"]
        return found["status"], found["reason"]

    with gated(shop, live, tmp_path, gate) as (world, prometheus):
        world.say = heard.append
        for answer, known in (("0", "True"), ("2", "False"), ("2", "False"), ("NaN", "Unknown"), ("0", "True")):
            prometheus.number = answer
            note_soak_gates(world)
            assert condition()[0] == known
    told = [line for line in heard if "the soak's gates" in line]
    assert [line.partition("the soak's gates ")[2].partition(":")[0] for line in told][:2] == [
        "are bad",
        "cannot be judged",
    ]
    assert len(told) == 3
    assert "pass again" in told[2]
    assert shop.where() == ("green",)

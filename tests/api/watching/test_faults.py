"""A pod does not decide whether users are sent back: whatever it answers, and whatever that does to flipgate, a bake
has its verdict in time, and a way back ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.store import Store
from flipgate.adapters.traefik import TraefikPods
from flipgate.core.record.phases import Phase
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import LostLease
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, combine
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking import check, prove
from flipgate.steps.looking.observe import observe
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.watching import conditions, gates, measure, watch
from tests.api.bakes import baking, declared, held, watched
from tests.api.front import fronted
from tests.api.shop import BLUE, GREEN, Shop, timed_by_its_waiting, under_lease
from tests.api.town import Town, world_of
from tests.api.wire import Answer, Handler, Script, dripping, serving, within
from tests.core.builders import SHOP, declaring

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
BAKE = 0.1


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience than there is in earnest."""
    monkeypatch.setattr(watch, "PROBES_SECONDS", 0.5)
    monkeypatch.setattr(prove, "ASK_SECONDS", 0.5)
    monkeypatch.setattr(prove, "LEAST_SECONDS", 0.2)


def of_three(bad: Callable[[Handler], Answer | None], good: Script | None = None) -> Script:
    """Traefik before three endpoints, of which one is bad."""
    turns: Iterator[int] = count()
    well = good or Town()

    def script(request: Handler) -> Answer | None:
        return bad(request) if "/proxy/" in request.path and next(turns) % 3 == 0 else well(request)

    return script


def baked(
    folder: Path, script: Script, check_lease: Callable[[], None] = held, *, earnest: bool = False, **doings: Any
) -> dict[str, Evidence]:
    """The verdicts of a short bake, on a played clock or in `earnest`."""
    with serving(script, folder) as cluster:
        world = world_of(cluster, baking(SHOP, BAKE, 0.1), **doings)
        return watched(world if earnest else timed_by_its_waiting(world), check_lease)


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"kind":' * 100_000, b"\xff" * 3_000_000], ids=["[", "{", "long"])
def test_one_endpoint_of_three_that_answers_503_with_anything_sends_users_back(tmp_path: Path, body: bytes) -> None:
    found = baked(tmp_path, of_three(Town(503, "", body)))
    assert found["errors"].verdict is FAIL


def test_a_side_that_drips_is_unknown_in_time(tmp_path: Path, short: None) -> None:
    def script(request: Handler) -> Answer | None:
        return dripping(request) if "/proxy/" in request.path else Town()(request)

    with within(BAKE + 2 * 0.5 + 1):  # a look ends in time, and the bake with it
        found = baked(tmp_path, script, earnest=True)
    assert combine(found.values()) is UNKNOWN
    assert "answered 200, and its body was not over" in found["errors"].answer


def test_one_endpoint_that_drips_takes_no_time_from_the_others(tmp_path: Path, short: None) -> None:
    found = baked(tmp_path, of_three(dripping), earnest=True)
    silent, _, rest = found["errors"].answer.partition(" probes had no answer")
    answered = int(silent.split()[2])
    assert answered > int(silent.split()[-1]), found["errors"].answer
    assert found["errors"].verdict is PASS
    assert "not over" in rest


FAULTS = [RecursionError("maximum recursion depth exceeded"), KeyError("status")]


@pytest.mark.parametrize("name", ["probe", "replicas", "look_at_side"])
@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_any_exception_of_a_look_is_unknown_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    monkeypatch.setattr(TraefikPods if name == "replicas" else watch, name, raising(error))
    found = baked(tmp_path, Town())
    assert combine(found.values()) is UNKNOWN
    assert type(error).__name__ in found["ready" if name == "look_at_side" else "errors"].answer


def test_nor_does_any_of_its_other_parts_end_a_bake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "_judge", raising(KeyError("x")))
    monkeypatch.setattr(Store, "find", lambda _: object())
    said: list[str] = []

    def broken_pipe(line: str) -> None:
        said.append(line)
        raise BrokenPipeError

    found = baked(tmp_path, Town(), say=broken_pipe)
    assert combine(found.values()) is PASS
    assert said[-1] == "conditions could not be noted: KeyError"


@pytest.mark.parametrize("name", ["judge", "ThreadPoolExecutor"])
def test_a_gate_that_cannot_be_asked_or_judged_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    class NoThreads(gates.ThreadPoolExecutor):
        def submit(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("can't start new thread")

    if name == "judge":
        monkeypatch.setattr(measure, name, raising(TypeError("x")))
    else:
        monkeypatch.setattr(gates, name, NoThreads)
    with serving(Town(), tmp_path) as cluster:
        application = declared(cluster.server, "{name: restarts, restarts: 0}", bake=0.05)
        found = watched(timed_by_its_waiting(world_of(cluster, application)))
    assert (found["restarts"].verdict, found["errors"].verdict) == (UNKNOWN, PASS)
    assert ("RuntimeError" if name == "ThreadPoolExecutor" else "TypeError") in found["restarts"].answer


def test_a_lost_lease_ends_a_bake(tmp_path: Path) -> None:
    with pytest.raises(LostLease):
        baked(tmp_path, Town(), check_lease=raising(LostLease("was taken over")))


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_any_exception_of_a_probe_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(prove, "read_reply", raising(error))
    kind = type(error).__name__
    with serving(Town(), tmp_path) as cluster:
        world = timed_by_its_waiting(world_of(cluster))
        seen = prove.prove(world, Side.GREEN, ["a"], answers=1, timeout_seconds=0.2)
        assert seen.unproven == (f"a ({kind})",)
        assert [each.text for each in observe(world)()] == [kind]
        monkeypatch.setattr(TraefikPods, "replicas", raising(error))
        assert [each.text for each in observe(world)()] == [kind]
        monkeypatch.setattr(world.cluster, "through_service", raising(error))
        world.application = load_application(
            f"{SHOP}  checks: [{{name: health, service: web, path: /}}]\n", "shop.yaml"
        )
        (evidence,) = check.check(world, Side.GREEN)
        assert (evidence.verdict, evidence.answer) == (UNKNOWN, f"no answer: {kind}")


def test_an_old_side_that_drips_does_not_keep_its_workers(shop: Shop, tmp_path: Path, short: None) -> None:
    shop.gone_live()
    with serving(fronted(shop, dripping), tmp_path) as cluster:
        world = shop.helped("ana", cluster)
        under_lease(world, hand_over_workers, GREEN)
        world.application = declaring(world.application, traffic={"proof_timeout_seconds": 1})
        with within(8):
            done = roll_back(world, "orders fail", by="ana")
    assert (shop.where(), shop.counts(BLUE), shop.counts(GREEN)["mailer"]) == (("blue",), {"web": 2, "mailer": 1}, 0)
    assert any("not over within" in note for note in done.notes), done
    assert shop.world().store.read().phase is Phase.ROLLED_BACK

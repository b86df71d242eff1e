"""The proof of a move, through replicas that answer by script: a Traefik is not to be had in this tier."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flipgate.core.gates.proof import Proven
from flipgate.core.values.base import but
from flipgate.core.values.sides import Side
from flipgate.steps.acting.moves import Move
from flipgate.steps.acting.world import AT_ONCE
from flipgate.steps.looking import prove
from flipgate.steps.looking.prove import prove_moved
from tests.api.town import pod, world_of
from tests.api.wire import Answer, Handler, serving
from tests.core.builders import declaring, shop

THROTTLE = 0.6
Says = Callable[[float], str]
"""The side that a replica shows so many seconds after the patch; "" for no answer at all."""


def green(_: float) -> str:
    return "green"


def late(seconds: float) -> str:
    """Holds the change back until shortly before its throttle is over."""
    return "green" if seconds > THROTTLE * 0.7 else "blue"


@dataclass
class Replicas:
    """Traefik's pods. Those of `comes` are Ready once one has been asked, those of `goes` are no longer then."""

    says: dict[str, Says]
    comes: tuple[str, ...] = ()
    goes: tuple[str, ...] = ()
    patched: float = 0.0
    asked: set[str] = field(default_factory=set)

    def __call__(self, request: Handler) -> Answer | None:
        if "/proxy/" not in request.path:
            ready = [name for name in self.says if name not in (self.goes if self.asked else self.comes)]
            return 200, json.dumps({"items": [pod(name) for name in ready]}).encode()
        name = request.path.split("/pods/")[1].split(":")[0]
        self.asked.add(name)
        if shown := self.says[name](time.monotonic() - self.patched):
            request.send_response(200)
            request.send_header("X-Served-Side", shown)
            request.send_header("Content-Length", "0")
            request.end_headers()
        return None


def proof(folder: Path, replicas: Replicas, *asked: str, seconds: float = 5, known: bool = True) -> Proven:
    """The proof that users are on green, begun with these replicas."""
    application = shop()
    traefik = but(application.spec.traffic.traefik, throttle_seconds=THROTTLE)
    facts = {"traefik": traefik, "proof_timeout_seconds": seconds, "proof_answers": 2}
    application = declaring(application, traffic=facts)
    with serving(replicas, folder) as cluster:
        world = world_of(cluster, application)
        at = replicas.patched = time.monotonic()
        moved = Move(Side.GREEN, at, at, ()) if known else None
        return prove_moved(world, Side.GREEN, list(asked), moved=moved)


def test_a_proof_outlasts_the_throttle_and_keeps_each_replicas_figures(tmp_path: Path) -> None:
    replicas = Replicas({"a": green, "b": late})
    proven = proof(tmp_path, replicas, "a", "b")
    assert proven.ok
    assert time.monotonic() - replicas.patched >= THROTTLE
    first, second = proven.shown
    assert first.first_new_answer_ms == proven.first_new_answer_ms
    assert first.last_old_answer_ms is None
    assert second.last_old_answer_ms == proven.last_old_answer_ms
    assert second.last_old_answer_ms
    assert second.first_new_answer_ms
    assert second.last_old_answer_ms < second.first_new_answer_ms


def test_a_replica_that_no_longer_hears_is_named(tmp_path: Path) -> None:
    proven = proof(tmp_path, Replicas({"a": green, "b": lambda _: "blue"}), "a", "b", seconds=1)
    assert not proven.ok
    assert proven.unproven == ("b (HTTP 200 from blue)",)
    assert proven.last_old_answer_ms
    assert proven.last_old_answer_ms > 900, "it was listened to until the end"


def test_many_replicas_are_all_listened_to_from_the_start(tmp_path: Path) -> None:
    """Traefik on each of many nodes: those that never show the side must not use up the others' time."""
    replicas = Replicas({"last": green})
    silent = [f"silent-{n}" for n in range(AT_ONCE)]
    replicas.says.update(dict.fromkeys(silent, lambda _: "green" if "last" in replicas.asked else "blue"))
    assert proof(tmp_path, replicas, *silent, "last").ok


def test_a_replica_that_came_meanwhile_is_asked_too(tmp_path: Path) -> None:
    replicas = Replicas({"a": green, "new": lambda _: "blue"}, comes=("new",))
    assert proof(tmp_path, replicas, "a", seconds=1).unproven == ("new (HTTP 200 from blue)",)


def test_a_replica_that_is_ready_no_longer_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prove, "LOOK_AGAIN_SECONDS", 0.1)
    replicas = Replicas({"a": green, "gone": lambda _: ""}, goes=("gone",))
    proven = proof(tmp_path, replicas, "a", "gone", seconds=10)
    assert proven.ok
    assert proven.seconds < 5
    assert [each.replica for each in proven.replicas if each.gone] == ["gone"]


def test_after_a_crash_the_throttle_is_waited_for_and_no_figure_is_made_up(tmp_path: Path) -> None:
    proven = proof(tmp_path, Replicas({"a": green}), "a", known=False)
    assert proven.ok
    assert proven.seconds >= THROTTLE
    assert proven.first_new_answer_ms is None

"""A move after which every replica gives errors alone: given up after a few answers, not after the whole timeout."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flipgate.adapters.store import Store
from flipgate.core.gates.proof import Proven
from flipgate.core.values.base import but
from flipgate.core.values.sides import Side
from flipgate.steps.acting.moves import Move
from flipgate.steps.acting.world import World
from flipgate.steps.looking.prove import prove_moved
from tests.api.town import pod
from tests.api.wire import Answer, Handler, serving
from tests.core.builders import declaring, shop

THROTTLE, TIMEOUT = 0.8, 6.0
Says = Callable[[float], tuple[int, str]]
"""Status and side so many seconds after the patch; status 0 for no answer at all."""


def bad(_: float) -> tuple[int, str]:
    return 502, ""


def fine(_: float) -> tuple[int, str]:
    return 200, "green"


@dataclass
class Replicas:
    """Traefik's pods, and what each answers; those of `gone` are Ready no longer."""

    says: Mapping[str, Says]
    gone: tuple[str, ...] = ()
    patched: float = 0.0
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: Handler) -> Answer | None:
        if "/proxy/" not in request.path:
            return 200, json.dumps({"items": [pod(name) for name in self.says if name not in self.gone]}).encode()
        name = request.path.split("/pods/")[1].split(":")[0]
        self.asked.append(name)
        status, side = self.says[name](time.monotonic() - self.patched)
        if not status:
            return None
        request.send_response(status)
        if side:
            request.send_header("X-Served-Side", side)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return None


def proof(folder: Path, replicas: Replicas) -> Proven:
    application = shop()
    traefik = but(application.spec.traffic.traefik, throttle_seconds=THROTTLE)
    facts = {"traefik": traefik, "proof_timeout_seconds": TIMEOUT, "proof_answers": 2}
    application = declaring(application, traffic=facts)
    with serving(replicas, folder) as cluster:
        world = World(cluster, Store(cluster, "fg", "shop"), application, "ana")
        at = replicas.patched = time.monotonic()
        return prove_moved(world, Side.GREEN, list(replicas.says), moved=Move(Side.GREEN, at, at, ()))


def test_errors_of_every_replica_end_the_proof_soon_after_the_throttle(tmp_path: Path) -> None:
    replicas = Replicas({"a": bad, "b": bad})
    proven = proof(tmp_path, replicas)
    assert not proven.ok
    assert THROTTLE <= proven.seconds < TIMEOUT / 2
    assert proven.unproven == ("a (HTTP 502 from an unnamed side)", "b (HTTP 502 from an unnamed side)")


def test_errors_of_the_new_side_itself_are_no_better(tmp_path: Path) -> None:
    assert proof(tmp_path, Replicas({"a": lambda _: (503, "green")})).seconds < TIMEOUT / 2


def test_one_replica_that_fares_otherwise_keeps_all_listened_to(tmp_path: Path) -> None:
    """Errors through one alone are that replica's: it may be starting."""
    proven = proof(tmp_path, Replicas({"a": lambda at: (502, "") if at < 1.5 else (200, "green"), "b": fine}))
    assert proven.ok
    assert proven.seconds >= 1.5


def test_errors_before_the_throttle_and_one_good_answer_count_as_before(tmp_path: Path) -> None:
    early = proof(tmp_path, Replicas({"a": lambda at: (502, "") if at < THROTTLE else (200, "green")}))
    assert early.ok

    def flaps(at: float) -> tuple[int, str]:
        return (200, "green") if at < THROTTLE / 2 or at > 2 else (502, "")

    assert proof(tmp_path, Replicas({"a": flaps})).ok


def test_the_old_side_and_silence_are_no_errors(tmp_path: Path) -> None:
    late = proof(tmp_path, Replicas({"a": lambda at: (200, "blue") if at < 1.5 else (200, "green")}))
    assert late.ok
    silent = Replicas({"a": bad, "b": lambda at: (0, "") if at < 1.5 else (200, "green")})
    assert proof(tmp_path, silent).seconds >= TIMEOUT, "what b answers nobody knows"


def test_one_that_is_ready_no_longer_holds_up_nobody(tmp_path: Path) -> None:
    replicas = Replicas({"a": bad, "gone": lambda _: (0, "")}, gone=("gone",))
    assert proof(tmp_path, replicas).seconds < TIMEOUT * 0.75

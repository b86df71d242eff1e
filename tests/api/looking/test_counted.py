"""Who answers where no header says it: by what Traefik counts, of us and of everybody else, by script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.gates.bake import ProbeResult
from flipgate.core.values.base import but
from flipgate.core.values.errors import TemporaryError
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.looking.prove import probe, prove
from tests.api.shop import GREEN
from tests.api.town import world_of
from tests.api.wire import Answer, Handler, serving
from tests.core.builders import declaring, shop

LINE = 'traefik_service_requests_total{{code="200",service="shop-{}-web-80@kubernetescrd"}} {}\n'
TARGETS = {f"shop-{side}-web-80@kubernetescrd": side for side in Side}


@dataclass
class Counting:
    """One Traefik: who answers us ("" for its own 404), who answers users between our readings, and how late it counts
    (in readings)."""

    ours: str = "green"
    users: str = ""
    status: int = 200
    metrics: int = 200
    late: int = 0
    counters: Counter[str] = field(default_factory=lambda: Counter({"blue": 7}))
    waiting: list[tuple[int, str]] = field(default_factory=list)

    def __call__(self, request: Handler) -> Answer | None:
        if ":8080/proxy/metrics" not in request.path:
            self.waiting += [(self.late, side) for side in (self.ours, self.users) if side]
            return self.status, b""
        self.counters.update(side for left, side in self.waiting if not left)
        self.waiting = [(left - 1, side) for left, side in self.waiting if left]
        return self.metrics, "".join(LINE.format(*each) for each in self.counters.items()).encode()


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., Any]:
    """What `do` makes of such a Traefik, in an application that declares no header."""

    def run(traefik: Counting, do: Callable[[World], Any]) -> Any:
        application = shop()
        counted = but(application.spec.traffic.traefik, metrics_port=8080)
        application = declaring(application, traffic={"header": None, "traefik": counted})
        with serving(traefik, tmp_path) as cluster:
            return do(world_of(cluster, application, counted=dict(TARGETS)))

    return run


@pytest.mark.parametrize(
    ("traefik", "shown", "heard"),
    [
        (Counting(), "green", ProbeResult.GOOD),
        (Counting(late=1), "green", ProbeResult.GOOD),
        (Counting(users="green"), "green", ProbeResult.GOOD),
        (Counting(ours="blue"), "blue", ProbeResult.MISROUTED),
        (Counting(users="blue"), "", ProbeResult.SILENT),
        (Counting(status=500), "green", ProbeResult.FAILED),
        (Counting(ours="", status=404), "", ProbeResult.FAILED),
        (Counting(status=404), "green", ProbeResult.GOOD),
    ],
    ids=["new", "counted late", "users too", "old", "nobody can tell", "error", "no route", "the side's own 404"],
)
def test_the_side_whose_counter_moved_is_the_one_that_answers(
    asked: Callable[..., Any], traefik: Counting, shown: str, heard: ProbeResult
) -> None:
    reply = asked(traefik, lambda world: probe(world, "traefik-a"))
    assert (reply.shown, reply.judged(GREEN)) == (shown, heard)


def test_a_preview_looks_at_the_side_that_no_user_is_on(asked: Callable[..., Any]) -> None:
    def preview(world: World) -> bool:
        return prove(world, GREEN, ["traefik-a"], answers=1, timeout_seconds=0.3, host="preview.example").ok

    assert asked(Counting(users="blue"), preview)
    assert not asked(Counting(ours="", users="blue", status=404), preview)


def test_a_replica_without_counters_shows_nothing_and_is_said_so(asked: Callable[..., Any]) -> None:
    with pytest.raises(TemporaryError, match="traefik-a: HTTP 404 from /metrics at port 8080"):
        asked(Counting(metrics=404), lambda world: probe(world, "traefik-a"))

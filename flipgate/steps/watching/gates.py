"""Measures the declared gates at each look of the bake, in the background: a slow source delays nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.kinds.kind import Measure
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample
from flipgate.core.gates.traefik_counters import BEGUN, Probes
from flipgate.core.record.release import Release
from flipgate.core.values.foreign import fault
from flipgate.core.values.verdicts import Evidence, in_flight
from flipgate.steps.acting.world import AT_ONCE, World
from flipgate.steps.watching.graph import Bake
from flipgate.steps.watching.measure import IN_FLIGHT, NOT_DECLARED, judged, measures

BEGIN_SECONDS = 1.0
ANSWER_SECONDS = 4.0
"""Longer than any gate's own limit, so that its reason is heard; a gate that is not done by then is unknown."""

ShowGraphs = Callable[[Callable[[], list[str]]], None]
"""Takes what makes the graphs of a bake, as Markdown. Making them asks Prometheus, so it is for a thread of its own."""


@contextmanager
def measuring(world: World, release: Release, show_graphs: ShowGraphs = lambda _: None) -> Iterator[Gates]:
    """The declared gates of one bake. At its end, answers that have not come yet are dropped."""
    probes = Probes()
    asked = measures(world, release, probes)
    pool = ThreadPoolExecutor(max_workers=min(AT_ONCE, len(asked)) or 1)
    counting = ThreadPoolExecutor(max_workers=1)
    gates = Gates(world, release, asked, pool, counting, probes)
    try:
        yield gates
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        counting.shutdown(wait=False, cancel_futures=True)
        gates.draw(show_graphs)


@dataclass
class Gates:
    """What was measured for each gate. Times are seconds since the bake began.

    Traefik's counters have a thread of their own: they must be read between two looks, whoever else is slow.
    """

    world: World
    release: Release
    measures: dict[str, Measure]
    pool: ThreadPoolExecutor
    counting: ThreadPoolExecutor
    probes: Probes
    began: float = field(init=False)
    samples: dict[str, list[GateSample]] = field(default_factory=dict)
    pending: dict[str, tuple[float, Future[GateSample]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began = self.world.monotonic()

    def begin(self) -> None:
        """Reads users' counters for the first time. The first look waits for that for at most BEGIN_SECONDS."""
        self.measure_counters()
        self.collect(BEGIN_SECONDS)

    def measure(self) -> None:
        """Starts each measurement that is not under way already, but for those of `measure_counters`."""
        self._put(self.pool, [name for name in self.measures if name not in self._counters()])

    def measure_counters(self) -> None:
        """Starts reading Traefik's counters of users' requests; call it while no request of flipgate's own is under
        way."""
        self._put(self.counting, self._counters())

    def _declared(self) -> tuple[Gate, ...]:
        return self.world.application.spec.gates_at(GatePoint.BAKE)

    def _counters(self) -> list[str]:
        return [gate.name for gate in self._declared() if gate.kind.between_looks]

    def _put(self, pool: ThreadPoolExecutor, names: Iterable[str]) -> None:
        now = self._now()
        for name in names:
            if name not in self.pending:
                try:
                    self.pending[name] = (now, pool.submit(self.measures[name], now))
                except Exception as error:  # no more threads, say: a gate's own fault ends no bake
                    self._add(name, GateSample(now, None, fault(error)))

    def collect(self, seconds: float = 0.0) -> None:
        """Takes the answers that have come, and waits for the others at most so long."""
        wait([future for _, future in self.pending.values()], timeout=seconds)
        now = self._now()
        for name, (asked, future) in list(self.pending.items()):
            if future.done():
                del self.pending[name]
                self._add(name, _result(future, now))
            elif now - asked >= ANSWER_SECONDS:
                self._add(name, GateSample(now, None, f"no answer in {now - asked:.0f} s"))

    def judged(self) -> tuple[Evidence, ...]:
        """The verdicts so far, in the file's order."""
        namespace, now = self.world.application.place_of(self.release.side).namespace, self._now()
        return tuple(judged(gate, self.samples.get(gate.name, []), now, namespace) for gate in self._declared())

    def informed(self) -> Evidence:
        """What the old side is still busy with, as it was last found."""
        promql, old = self.world.application.spec.metrics.in_flight, self.release.side.other
        if promql is None:
            return in_flight(old, None, None, NOT_DECLARED)
        last = next(reversed(self.samples.get(IN_FLIGHT, [])), None)
        return in_flight(old, promql, last.value if last else None, last.why if last else "not asked yet")

    def draw(self, show_graphs: ShowGraphs) -> None:
        """Hands on a function that makes the graphs. Whoever shows them runs it in a thread of its own, for it asks
        Prometheus, and users may be on their way back. Its failure is only logged."""
        samples = {name: tuple(found) for name, found in self.samples.items()}
        began = self.world.now() - timedelta(seconds=self._now())
        try:
            show_graphs(Bake(self.world, self.release, began, samples).pictures)
        except Exception as error:
            self.world.say(f"no graph of the bake: {type(error).__name__}")

    def _add(self, name: str, sample: GateSample) -> None:
        if sample.why != BEGUN:
            self.samples.setdefault(name, []).append(sample)

    def _now(self) -> float:
        return self.world.monotonic() - self.began


def _result(future: Future[GateSample], now: float) -> GateSample:
    try:
        return future.result()
    except Exception as error:
        return GateSample(now, None, fault(error))

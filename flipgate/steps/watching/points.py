"""Asks the file's gates at the points outside of the bake: each once, in as many looks as a verdict takes."""

from __future__ import annotations

from collections.abc import Callable

from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.or_tick import as_said, hold_back
from flipgate.core.gates.points import BEFORE, GatePoint, compared, since
from flipgate.core.gates.sample import GateSample
from flipgate.core.record.going_on import gates_held
from flipgate.core.record.held import glass_of, passed
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.values.errors import LostLease, Refused
from flipgate.core.values.foreign import fault
from flipgate.core.values.reasons import Why
from flipgate.core.values.verdicts import Evidence, Verdict, not_passed, said_of
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.world import World
from flipgate.steps.watching.measure import judged, measure_of
from flipgate.steps.watching.reader import WorldReader

TRIES = 3
"""At least: one answer that did not come is no verdict."""
PAUSE_SECONDS, LONGEST_SECONDS = 1.0, 15.0
"""Between two looks at one gate, and for all of them; a look that is under way then is waited for."""


def ever() -> None:
    """For whoever asks without the Lease: nobody takes it from them."""


def ask_gates(
    world: World, release: Release, *points: GatePoint, may_go_on: Callable[[], None] = ever
) -> list[Evidence]:
    """Returns what each gate of these points says of the release's side, a few asked at once. One of several points is
    asked as at the first of them, which looks back the longest. What cannot be found out is unknown. `may_go_on` is
    asked while a program runs: raises LostLease alone, where that does, and the program is ended."""
    asked = _declared(world, *points)
    try:
        found = world.each(lambda each: _ask(world, release, *each, may_go_on), asked)
    except LostLease:
        raise
    except Exception as error:  # no more threads, say
        found = [_not_asked(gate, error) for gate, _ in asked]
    for evidence in found:
        world.say(f"gate {evidence.gate}: {evidence.verdict} ({evidence.answer})")
    return found


def gates_at(world: World, kind: QuestionKind) -> list[Gate]:
    """Returns the gates that have to pass before this move, by the file as it is now."""
    return [gate for gate, _ in _declared(world, *BEFORE[kind])]


def _declared(world: World, *points: GatePoint) -> list[tuple[Gate, GatePoint]]:
    """Returns each gate of these points once, with the first of them at which it is asked."""
    asked: dict[str, tuple[Gate, GatePoint]] = {}
    for point in points:
        for gate in world.application.spec.gates_at(point):
            asked.setdefault(gate.name, (gate, point))
    return list(asked.values())


def gates_before(
    world: World,
    kind: QuestionKind,
    record: Record | None = None,
    *,
    moving: bool = False,
    may_go_on: Callable[[], None] = ever,
) -> list[Evidence]:
    """Returns what the gates say that have to pass before this move of the open release, as a person's word to pass
    them (BreakGlass) leaves them; right before the move (`moving`) as the ticks of the yes leave them, too. Raises as
    `ask_gates`."""
    record = record or world.store.read()
    release = record.release
    found = ask_gates(world, release, *BEFORE[kind], may_go_on=may_go_on) if release else []
    judged = passed(found, glass_of(record, kind, world.now()))
    return list(as_said(gates_at(world, kind), judged, record.approval, kind) if moving else judged)


@about_application(untouched="all routes and both sides")
def need_gates(
    world: World, kind: QuestionKind, *, moving: bool = False, may_go_on: Callable[[], None] = ever
) -> list[Evidence]:
    """Returns the same. Raises Refused (GatesNotPassed) unless each passes: unknown is no pass. Before a person is
    asked, one for which they may answer (`orTick`) holds nobody back."""
    found = gates_before(world, kind, moving=moving, may_go_on=may_go_on)
    if bad := not_passed(found) if moving else hold_back(gates_at(world, kind), found):
        name = world.application.name
        kept = "the way back stays open" if kind is QuestionKind.SCALE_DOWN else "users stay where they are"
        raise Refused(
            said_of(bad),
            obj=f"gates before the {kind.replace('-', ' ')}",
            reason=Why.GATES_NOT_PASSED,
            untouched=f"all routes and both sides: {kept}",
            next_command=f"flipgate {kind} {name} (asks them again, as reconcile does every five minutes); or past "
            f'them: flipgate {kind} {name} --break-glass --reason "..."',
            evidence=tuple(found),
        )
    return found


@about_application(untouched="all routes")
def need_no_bad_gate(world: World, release: Release, may_go_on: Callable[[], None] = ever) -> list[Evidence]:
    """Returns what the gates at `dark` say of a release whose checks have passed. Raises Refused (ChecksFailed) where
    one fails: the build is a bad one. One that is unknown is asked again before a person is: a side that has just come
    up has no numbers in Prometheus yet."""
    found = ask_gates(world, release, GatePoint.DARK, may_go_on=may_go_on)
    if bad := [each for each in found if each.verdict is Verdict.FAIL]:
        raise Refused(
            said_of(bad),
            obj=f"gates at dark of {world.application.name} on {release.side}",
            reason=Why.CHECKS_FAILED,
            next_command=f"kubectl -n {world.application.place_of(release.side).namespace} get pods",
            evidence=tuple(found),
        )
    return found


def gates_hold(world: World) -> str:
    """Returns why no run is started that would ask a person: the gates for which the last one ended do not pass yet.
    Empty where they pass by now, or hold nothing back."""
    record = world.store.read()
    release = record.release
    kind = record.phase.row.question
    if release is None or kind is None or not gates_held(record):
        return ""
    return said_of(hold_back(gates_at(world, kind), gates_before(world, kind, record)))


def _ask(world: World, release: Release, gate: Gate, point: GatePoint, may_go_on: Callable[[], None]) -> Evidence:
    """Looks until the verdict is known, and as often as `failures` takes it at most."""
    begin, now = world.monotonic(), world.now()
    began, text = since(point, release, now, whole=gate.kind.whole)
    dark = release.dark_since
    flip = compared(point, release, now)
    reader = WorldReader(world, release.side, flip, point=point, began=began, dark_since=dark, may_go_on=may_go_on)
    namespace = reader.namespace(release.side)
    try:
        measure = measure_of(gate, reader)
        samples: list[GateSample] = []
        for look in range(max(TRIES, gate.failures)):
            if look:
                world.sleep(PAUSE_SECONDS)
            samples.append(measure(world.monotonic() - begin))
            passing = world.monotonic() - begin
            found = judged(gate, samples, passing, namespace, text)
            if found.verdict is not Verdict.UNKNOWN or passing > LONGEST_SECONDS:
                break
        return found
    except LostLease:
        raise
    except Exception as error:  # any at all: it is one gate that is unknown, and no step that ends
        return _not_asked(gate, error)


def _not_asked(gate: Gate, error: Exception) -> Evidence:
    answer = f"cannot be asked: {fault(error)}"
    return Evidence(gate.name, Verdict.UNKNOWN, gate.kind.asked(gate), gate.kind.whom, answer, "an answer")

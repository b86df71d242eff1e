"""Runs the hooks of one point of a release's way, one after the other, each once for a release.

What each said is kept with the release in the write that ends it, so whoever goes on after a death runs only what is
left. A Job is found again by its name; a program or a request that was cut off is run once more.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial

from flipgate.core.gates.hooks import Hook, HookPoint, awaited, hooks_at, runs_since, said_before
from flipgate.core.record import record as records
from flipgate.core.record.intents import RunHook
from flipgate.core.record.noted import noted
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.values.answer import Answer, api_servers_own, wrong_scheme
from flipgate.core.values.errors import FlipgateError, Refused, TemporaryError
from flipgate.core.values.foreign import printable, without_secrets
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, said_of
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.outbox import need_open, write, write_history
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, look_at_traffic, need_dark
from flipgate.steps.moving.jobs import stop_jobs
from flipgate.steps.moving.run_task import run_task, while_open
from flipgate.steps.watching.watch import bad_bake, quick_watch

ANSWER_BYTES = 65_536
SHOWN = 500
"""Characters of an answer's body that are kept."""

Moved = Callable[[float, str], None]
"""Told how far a hook is: in per cent of its limit, and in a line."""


def _unmoved(_percent: float, _line: str) -> None:
    """For whoever looks at the log alone."""


@about_application()
def run_hooks(
    acting: Acting,
    release: Release,
    point: HookPoint,
    *,
    moved: Moved = _unmoved,
) -> list[Evidence]:
    """Returns what each hook of this point said, now or before. Does nothing where the release is past it.

    Raises Refused (HookFailed) where one that stops the release does not pass, users untouched; and as a bake that
    failed or is unknown, where one after the flip is to send users back. Of the others people are told. While one runs
    after the flip the new side is probed: users that it fails go back at once, and the hook is ended.
    """
    world = acting.world
    if point is HookPoint.BEFORE_BRING_UP:
        stop_jobs(acting, release.side, keep=release.name)
    found: list[Evidence] = []
    for hook in hooks_at(world.application.spec.hooks, point):
        record = world.store.read()
        seen = _at(world, record, release.name, point)
        if said := said_before(hook, seen, world.now()):
            found.append(said)
        elif seen.phase is point.row.phase and (not seen.phase.row.ended or awaited([hook], seen)):
            found.append(_run(acting, record, seen, hook, moved))
            _judge(world, seen, hook, found)
    return found


def _at(world: World, record: Record, name: str, point: HookPoint) -> Release:
    """The release, as it is remembered: an ended one, too, where its end is the point."""
    if point.row.phase is Phase.SETTLED:
        return record.named(name) or world.store.finished(name)[0]
    return need_open(record, name)


def _run(acting: Acting, record: Record, release: Release, hook: Hook, moved: Moved) -> Evidence:
    world, began = acting.world, acting.world.monotonic()
    side = release.side
    if hook.at.row.dark and need_dark(world, look(world)).side is not side:
        fact = f"is for {side}, which has the live traffic now"
        raise Refused(fact, obj=f"release {release.name}", reason=Why.SIDE_IS_LIVE, untouched="both sides")
    still_ours = acting.check_lease if release.phase.row.ended else while_open(acting, release)
    probe = quick_watch(world, release) if release.phase is Phase.BAKING else None
    asked: list[bool] = []

    def may_go_on() -> None:
        still_ours()
        if not hook.at.row.dark:
            # Before it begins this has to be known; later it is asked again soon, and one that is ended is run anew.
            with suppress(TemporaryError) if asked else nullcontext():
                _need_users(world, side)
        asked.append(True)
        if probe:
            probe()
        ran = world.monotonic() - began
        moved(min(99.0, 100 * ran / hook.limit_seconds), f"{hook.name}: {ran:.0f} s of at most {hook.limit_seconds} s")

    try:
        return _noted(world, release, hook, _run_once(acting, record, release, hook, may_go_on, moved))
    except Refused as gone:
        if gone.reason != Why.MOVED_ON:
            raise
        fact = f"{'ended' if asked else 'not run'}: {gone.fact}"
        place = str(world.application.place_of(side))
        return _noted(world, release, hook, Evidence(hook.name, Verdict.UNKNOWN, hook.what, place, fact, hook.wanted))


def _run_once(
    acting: Acting, record: Record, release: Release, hook: Hook, may_go_on: Callable[[], None], moved: Moved
) -> Evidence:
    world, side = acting.world, release.side
    if not hook.at.row.dark:
        _need_users(world, side)
    world.say(f"hook {hook.name} at {hook.at}: {hook.what}, for at most {hook.limit_seconds} s")
    moved(0.0, f"{hook.name}: {hook.what}")
    _noted(world, release, hook, runs_since(hook, str(world.application.place_of(side)), world.now()))
    if hook.makes_job:
        found = run_task(acting, side, release, hook, may_go_on, _occasion(record, hook))
    else:
        with journal(acting, RunHook(side, hook.name)) as entry:
            found = _without_job(acting, side, release, hook, may_go_on)
            entry.outcome = f"hook {hook.name} at {hook.at}: {found.verdict}"
    world.say(f"hook {found.gate}: {found.verdict} ({found.answer})")
    return found


def _need_users(world: World, side: Side) -> None:
    """Raises Refused (MovedOn) where users are not on this side: a rollback that cannot use the record does not ask who
    holds the Lease."""
    if (traffic := look_at_traffic(world)).active is not side:
        raise Refused(f"users are not on {side} by now: {traffic}", reason=Why.MOVED_ON)


def _occasion(record: Record, hook: Hook) -> str:
    """Before the flip a hook that did not pass makes the yes void: it is run anew for the next one."""
    question = record.question
    flips = hook.at is HookPoint.BEFORE_FLIP and question is not None and question.kind is QuestionKind.FLIP
    return question.id if flips and question else ""


def _noted(world: World, release: Release, hook: Hook, found: Evidence) -> Evidence:
    """Keeps what a hook said. People are told in the same write of one that did not pass and stops nothing: who dies
    after it has told them. One that sends users back is told by the way back."""
    change = partial(noted, release=release.name, step=hook.at.step, evidence=[found], now=world.now())
    bad = found.verdict in (Verdict.FAIL, Verdict.UNKNOWN) and not hook.at.row.stops
    if bad and (hook.on_failure == "tell" or found.verdict is Verdict.UNKNOWN):
        write(world, lambda record: _told(world, change(record), release, hook, found))
    else:
        world.store.update(change)
    if release.phase.row.ended:
        _noted_in_history(world, release.name, hook, found)
    return found


def _noted_in_history(world: World, name: str, hook: Hook, found: Evidence) -> None:
    """Keeps it with a release that has ended: of one that a newer one has driven out of the record in the history
    alone."""
    if world.store.read().named(name):
        write_history(world)
    else:
        finished, entries, _ = world.store.finished(name)
        world.store.write_history(finished.noted(hook.at.step, [found], world.now()), entries)


def _told(world: World, record: Record, release: Release, hook: Hook, said: Evidence) -> Record:
    name = world.application.name
    fact = f"hook {said_of([said])}. Nothing moves for it. Next: flipgate history {name} {release.name}"
    return records.announce(
        record,
        f"{release.name}/{hook.at}/{hook.name}",
        release=release.name,
        side=release.side,
        text=f"{name} {release.name} on {release.side}: {fact}",
        reason=Why.HOOK_FAILED,
        at=world.now(),
    )


def _judge(world: World, release: Release, hook: Hook, found: list[Evidence]) -> None:
    """Raises what a hook comes to that did not pass, where it stops something."""
    said = found[-1]
    if said.verdict is Verdict.PASS:
        return
    if hook.at.row.stops:
        pods = f"kubectl -n {world.application.place_of(release.side).namespace} get jobs,pods"
        next_command = pods if hook.makes_job else f"flipgate history {world.application.name} {release.name}"
        raise Refused(
            said_of([said]),
            obj=f"hook at {hook.at} of {world.application.name} on {release.side}",
            reason=Why.HOOK_FAILED,
            untouched="all routes",
            next_command=next_command,
        )
    if hook.on_failure == "rollBack":
        raise bad_bake(world, said.verdict, tuple(found))


def _without_job(acting: Acting, side: Side, release: Release, hook: Hook, may_go_on: Callable[[], None]) -> Evidence:
    may_go_on()
    if hook.command:
        return run_task(acting, side, release, hook, may_go_on)
    return _ask(acting.world, side, release, hook)


def _ask(world: World, side: Side, release: Release, hook: Hook) -> Evidence:
    """One request by the API server's proxy. It bears a key by which who is asked twice knows that."""
    place, began = world.application.place_of(side), world.monotonic()
    service = place.service_of(world.application.service(hook.asked))
    output = ""
    try:
        whole = world.cluster.pass_on(
            place.namespace,
            service,
            hook.port,
            hook.path or "/",
            scheme=hook.scheme,
            method=hook.method,
            headers={"Idempotency-Key": f"{release.name}/{hook.name}"},
            body=b"" if hook.method == "POST" else None,
            timeout=hook.limit_seconds,
            most=ANSWER_BYTES,
        )
    except FlipgateError as error:
        verdict, fact = Verdict.UNKNOWN, f"no answer: {error.named_fact}"
    else:
        answer = Answer(whole.status, whole.headers, whole.body, 0.0, scheme=hook.scheme)
        output = printable(without_secrets(whole.body[:ANSWER_BYTES].decode("utf-8", "replace")), SHOWN)
        verdict, fact = _judged(hook, answer)
    seconds = round(world.monotonic() - began, 3)
    return Evidence(hook.name, verdict, hook.what, str(place), fact, hook.wanted, output, seconds)


def _judged(hook: Hook, answer: Answer) -> tuple[Verdict, str]:
    if own := api_servers_own(answer):
        return Verdict.UNKNOWN, "; ".join([f"no answer: {own}", *wrong_scheme(answer)])
    if answer.status == hook.status:
        return Verdict.PASS, f"status {answer.status}"
    return Verdict.FAIL, "; ".join([f"status {answer.status}, expected {hook.status}", *wrong_scheme(answer)])


def left_after(world: World) -> Release | None:
    """The settled release whose hooks a death has left, so that somebody has to go on; None without one, and while
    users are between the sides. It is the one that settled last, also where a newer one has been opened since, or has
    ended: then the history alone has it."""
    hooks = hooks_at(world.application.spec.hooks, HookPoint.AFTER_SETTLED)
    if not hooks:
        return None
    record = world.store.read()
    if record.phase.row.half_way:
        return None
    remembered = (each for each in record.releases if each.phase is Phase.SETTLED)
    last = next(remembered, None) or next((each for each in _history(world) if each.phase is Phase.SETTLED), None)
    return last if last and awaited(hooks, last) else None


def _history(world: World) -> list[Release]:
    """The releases that have ended, the newest first; none where they cannot be read, which is said: reconcile does the
    rest of its work."""
    try:
        return world.store.history()
    except FlipgateError as error:
        world.say(f"whether a hook is left that follows the end of a release is not known: {error}")
        return []

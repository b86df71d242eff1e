"""What a run shows in Prefect's UI beside its log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from flipgate.adapters import runs
from flipgate.core.record.approvals import who_approves
from flipgate.core.record.form import ANSWER_BEFORE
from flipgate.core.record.record import Question
from flipgate.core.record.release import Release, frozen
from flipgate.core.values.errors import Refused
from flipgate.core.values.outward import markdown, markdown_code, one_line
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.differences import DIFFERS
from flipgate.steps.acting.world import World
from flipgate.steps.looking.failed import what_failed
from flipgate.steps.releasing.bring_up import Coming
from flipgate.steps.watching.watch import Moved


def show_evidence(world: World, title: str, evidence: Iterable[Evidence]) -> None:
    """A table of verdicts as an artifact `APP-evidence`."""
    text = f"## {markdown(title)}\n\n{evidence_table(evidence)}"
    _beside(world, "evidence", title, lambda: text)


def show_checks(world: World, title: str, evidence: Iterable[Evidence]) -> None:
    """What each check found as a table of data, `APP-checks`, whether the release passed or not."""
    rows = [_check(each) for each in evidence]

    def show() -> None:
        try:
            if rows:
                key = f"{world.application.name}-checks"
                create_table_artifact(table=rows, key=key, description=markdown(title))
        except Exception as error:  # any at all: it is only shown
            world.say(f"no artifact {world.application.name}-checks: {type(error).__name__}")

    Thread(target=copy_context().run, args=(show,), name="artifact checks").start()


def _check(found: Evidence) -> dict[str, str | float | None]:
    return {
        "check": found.gate,
        "verdict": str(found.verdict),
        "seconds": found.seconds,
        "asked": found.asked,
        "of whom": found.of_whom,
        "found": found.answer,
        "wanted": found.threshold,
    }


def show_graphs(world: World, title: str, make: Callable[[], list[str]]) -> None:
    """Pictures of the bake as an artifact `APP-bake`; none where there is nothing to be drawn."""

    def text() -> str:
        graphs = "\n\n".join(make())
        return f"## {markdown(title)}\n\n{graphs}" if graphs else ""

    _beside(world, "bake", title, text)


def keep_failure(world: World, release: Release, refused: Refused) -> str:
    """Keeps what a release that failed leaves behind as an artifact `APP-RELEASE-failed`, and returns a sentence that
    says where; empty where nothing is kept. Never raises, and waits for Prefect no longer than KEEP_SECONDS."""
    try:
        text = what_failed(world, release, refused)
    except Exception as error:  # any at all: the release has to be ended
        world.say(f"what failed is not kept: {type(error).__name__}")
        return ""
    if not text:
        return ""
    kind = f"{release.name}-failed"
    sent = _beside(world, kind, f"{release.name} failed on {release.side}: {refused.reason}", lambda: text)
    sent.join(KEEP_SECONDS)
    if sent.refused:
        return ""
    key = f"{world.application.name}-{kind}"
    return f"What its pods said: {runs.artifact_url(key) or f'artifact {key} of the run'}"


def _beside(world: World, kind: str, title: str, make: Callable[[], str]) -> _Sending:
    """An artifact `APP-KIND`, made and sent beside what goes on, by the thread that is returned: users may be on their
    way back, and wait for nothing that is only shown. What fails is a sentence: Prefect may be away, and a release goes
    on without it."""

    def show() -> None:
        try:
            if text := make():
                key = f"{world.application.name}-{kind}"
                create_markdown_artifact(markdown=text, key=key, description=markdown(title))
        except Exception as error:  # any at all: it is only shown
            sending.refused = True
            world.say(f"no artifact {world.application.name}-{kind}: {type(error).__name__}")

    sending = _Sending(target=copy_context().run, args=(show,), name=f"artifact {kind}")
    sending.start()
    return sending


class _Sending(Thread):
    """An artifact on its way; whether it could not be made, or Prefect did not take it."""

    refused = False


CHANGES_SHOWN = 100
"""Lines of what changes in a form."""
KEEP_SECONDS = 10.0
PACE_SECONDS = 2.0
"""Between two updates of what is shown: more often nobody looks."""


@dataclass(frozen=True)
class Shown:
    """How far something is: in percent, in a line, and in a table, where there is one."""

    percent: float
    line: str
    rows: tuple[Mapping[str, object], ...] = ()


@contextmanager
def showing_progress(world: World, title: str) -> Iterator[Moved]:
    """A bar with a line, as an artifact `APP-progress` that the run's page shows, moved beside what goes on."""
    with _showing(world, title) as put:
        yield lambda percent, line: put(Shown(percent, line))


@contextmanager
def showing_pods(world: World, release: Release) -> Iterator[Coming]:
    """The same of pods that are waited for, with how many are Ready of each service as a table `APP-pods`."""

    def rows(counts: Mapping[str, tuple[int, int]]) -> tuple[Mapping[str, object], ...]:
        images = release.images
        return tuple(
            {"service": name, "Ready": ready, "wanted": wanted, "image": images.get(name, "")}
            for name, (ready, wanted) in counts.items()
        )

    with _showing(world, f"{release.name} coming up on {release.side}") as put:
        yield lambda line, counts: put(Shown(_percent(counts), line, rows(counts)))


def _percent(counts: Mapping[str, tuple[int, int]]) -> float:
    wanted = sum(count for _, count in counts.values())
    return 100 * sum(ready for ready, _ in counts.values()) / wanted if wanted else 100.0


@contextmanager
def _showing(world: World, title: str) -> Iterator[Callable[[Shown], None]]:
    """Shows each place that is put, beside what goes on: one artifact of a kind for the whole wait, changed in place. A
    Prefect that is slow shows only the newest place, none is asked more often than every PACE_SECONDS, and one that is
    away holds up nobody."""
    places, over = SimpleQueue[Shown | None](), Event()

    def show() -> None:
        bar: Any = None
        table: Any = None
        name = world.application.name
        try:
            while place := _newest(places):
                said = markdown(f"{title}: {place.line}")
                if bar is None:
                    bar = create_progress_artifact(progress=place.percent, key=f"{name}-progress", description=said)
                else:
                    update_progress_artifact(bar, progress=place.percent, description=said)
                if place.rows and table is None:
                    rows = [dict(row) for row in place.rows]
                    table = create_table_artifact(table=rows, key=f"{name}-pods", description=said)
                elif place.rows:
                    _update_table(table, place.rows, said)
                over.wait(PACE_SECONDS)
        except Exception as error:  # any at all: it is only shown
            world.say(f"no artifact {name}-progress: {type(error).__name__}")

    Thread(target=copy_context().run, args=(show,), name="artifact progress").start()
    try:
        yield places.put
    finally:
        over.set()
        places.put(None)


def _update_table(artifact: Any, rows: Iterable[Mapping[str, object]], said: str) -> None:
    """Prefect has a function of its own for a bar alone (prefect.artifacts.update_progress_artifact): this does for a
    table what that does."""
    changed = ArtifactUpdate(data=json.dumps([dict(row) for row in rows]), description=said)
    get_client(sync_client=True).update_artifact(artifact_id=artifact, artifact=changed)


def _newest(places: SimpleQueue[Shown | None]) -> Shown | None:
    """Waits for a place and passes over all but the last; None after the end, when the last has been shown."""
    place = places.get()
    while place is not None and not places.empty():
        after = places.get()
        if after is None:
            places.put(None)
            break
        place = after
    return place


def evidence_table(evidence: Iterable[Evidence]) -> str:
    """Verdicts as a Markdown table."""
    rows = [_row(e.gate, e.verdict, e.asked, e.of_whom, e.answer, e.threshold) for e in evidence]
    head = ["| gate | verdict | asked | of whom | answer | wanted |", "|---|---|---|---|---|---|"]
    return "\n".join(head + rows) if rows else "No checks are declared for this application."


def _row(gate: str, verdict: str, *cells: str) -> str:
    return "| " + " | ".join([markdown(gate), f"**{verdict}**", *map(markdown, cells)]) + " |"


def _look_first(question: Question) -> str:
    """How to see the dark side with one's own eyes, as a block to copy from."""
    lines = "\n".join(map(one_line, question.look_first))
    return f"To look at it first:\n\n{markdown_code(lines, 'sh')}\n\n" if lines else ""


def _who_may(application: str, question: Question) -> str:
    """Who may approve, and that this form is not where: nobody proves a name in it."""
    if question.who_may is None:
        return ""
    said = markdown(who_approves(application, question))
    return f"**{said}** This form takes a no: whom it is from nobody has proven.\n\n"


def question_text(application: str, question: Question, evidence: Iterable[Evidence]) -> str:
    """What the approval form shows above its fields: why an answer before changed nothing, what changes, this look's
    evidence, and what else is stored with the question, such as the digests that a yes is bound to. Differences are
    lines of what changes."""
    given = list(evidence)
    shown = [each for each in given if each.gate != ANSWER_BEFORE]
    before = frozen(each for each in given if each.gate == ANSWER_BEFORE)
    answers = "".join(f"**{markdown(each.gate.capitalize())}**: {markdown(each.detail)}\n\n" for each in before)
    seen = {each.gate for each in shown}
    bound = [e for e in question.evidence if e.gate not in seen and not e.gate.startswith(DIFFERS)]
    rows = [_row(e.gate, e.verdict, e.detail) for e in (*frozen(shown), *bound)]
    table = "\n".join(["| gate | | found |", "|---|---|---|", *rows]) if rows else "No checks are declared."
    passed = sum(e.verdict is Verdict.PASS for e in shown)
    gates = sum(e.verdict is not Verdict.INFO for e in shown)
    changes = "".join(f"\n- {markdown(line)}" for line in question.changes[:CHANGES_SHOWN])
    if (more := len(question.changes) - CHANGES_SHOWN) > 0:
        changes += f"\n- **{more} more**: `flipgate status {markdown(application)} -o json` has all of them"
    return (
        f"## {markdown(question.summary)}\n\n{answers}**{passed} of {gates} gates pass.** What changes:\n{changes}\n\n"
        f"{_look_first(question)}{table}\n\n{_who_may(application, question)}"
        f"No decision before {question.expires_at:%Y-%m-%d %H:%M} UTC means no. A change of images, pod templates or "
        "routes voids it."
    )

"""What a run shows in Prefect's UI beside its log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from threading import Thread
from typing import Any

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from flipgate.core.record.record import Question
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.world import World
from flipgate.steps.watching.watch import Moved


def show_evidence(world: World, title: str, evidence: Iterable[Evidence]) -> None:
    """A table of verdicts as an artifact `APP-evidence`."""
    text = f"## {title}\n\n{evidence_table(evidence)}"
    _beside(world, "evidence", title, lambda: text)


def show_checks(world: World, title: str, evidence: Iterable[Evidence]) -> None:
    """What each check found as a table of data, `APP-checks`, whether the release passed or not."""
    rows = [_check(each) for each in evidence]

    def show() -> None:
        try:
            if rows:
                key = f"{world.application.name}-checks"
                create_table_artifact(table=rows, key=key, description=title)
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
        return f"## {title}\n\n{graphs}" if graphs else ""

    _beside(world, "bake", title, text)


def _beside(world: World, kind: str, title: str, make: Callable[[], str]) -> None:
    """An artifact `APP-KIND`, made and sent beside what goes on: users may be on their way back, and wait for nothing
    that is only shown. What fails is a sentence: Prefect may be away, and a release goes on without it."""

    def show() -> None:
        try:
            if text := make():
                create_markdown_artifact(markdown=text, key=f"{world.application.name}-{kind}", description=title)
        except Exception as error:  # any at all: it is only shown
            world.say(f"no artifact {world.application.name}-{kind}: {type(error).__name__}")

    Thread(target=copy_context().run, args=(show,), name=f"artifact {kind}").start()


@contextmanager
def showing_progress(world: World, title: str) -> Iterator[Moved]:
    """A bar with a line, as an artifact `APP-progress` that the run's page shows, moved beside what goes on. A Prefect
    that is slow shows only the newest place, and one that is away holds up nobody."""
    places: SimpleQueue[tuple[float, str] | None] = SimpleQueue()

    def show() -> None:
        bar: Any = None
        try:
            while place := _newest(places):
                percent, line = place
                if bar is None:
                    key = f"{world.application.name}-progress"
                    bar = create_progress_artifact(progress=percent, key=key, description=f"{title}: {line}")
                else:
                    update_progress_artifact(bar, progress=percent, description=f"{title}: {line}")
        except Exception as error:  # any at all: it is only shown
            world.say(f"no artifact {world.application.name}-progress: {type(error).__name__}")

    Thread(target=copy_context().run, args=(show,), name="artifact progress").start()
    try:
        yield lambda percent, line: places.put((percent, line))
    finally:
        places.put(None)


def _newest(places: SimpleQueue[tuple[float, str] | None]) -> tuple[float, str] | None:
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
    rows = [_row(e.gate, f"**{e.verdict}**", e.asked, e.of_whom, e.answer, e.threshold) for e in evidence]
    head = ["| gate | verdict | asked | of whom | answer | wanted |", "|---|---|---|---|---|---|"]
    return "\n".join(head + rows) if rows else "No checks are declared for this application."


def _row(*cells: str) -> str:
    """A query may hold what would end a cell of the table."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _look_first(question: Question) -> str:
    """How to see the dark side with one's own eyes, as a block to copy from."""
    lines = "\n".join(question.look_first)
    return f"To look at it first:\n\n```sh\n{lines}\n```\n\n" if lines else ""


def question_text(question: Question, evidence: Iterable[Evidence]) -> str:
    """What the approval form shows above its fields."""
    shown = list(evidence)
    rows = [_row(e.gate, f"**{e.verdict}**", e.answer) for e in shown]
    table = "\n".join(["| gate | | found |", "|---|---|---|", *rows]) if rows else "No checks are declared."
    passed = sum(e.verdict is Verdict.PASS for e in shown)
    gates = sum(e.verdict is not Verdict.INFO for e in shown)
    changes = "".join(f"\n- {line}" for line in question.changes)
    return (
        f"## {question.summary}\n\n**{passed} of {gates} gates pass.** What changes:\n{changes}\n\n"
        f"{_look_first(question)}{table}\n\n"
        f"No decision before {question.expires_at:%Y-%m-%d %H:%M} UTC means no. A change of images, pod templates or "
        "routes voids it."
    )

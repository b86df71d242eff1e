"""What a run shows in Prefect's UI beside its log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import copy_context
from threading import Thread

from prefect.artifacts import create_markdown_artifact

from flipgate.core.gates import Evidence, Verdict
from flipgate.core.record import Question
from flipgate.steps.world import World


def show_evidence(world: World, title: str, evidence: Iterable[Evidence]) -> None:
    """A table of verdicts as an artifact `APP-evidence`."""
    text = f"## {title}\n\n{evidence_table(evidence)}"
    _beside(world, "evidence", title, lambda: text)


def show_charts(world: World, title: str, make: Callable[[], list[str]]) -> None:
    """Pictures of the bake as an artifact `APP-bake`; none where there is nothing to be drawn."""

    def text() -> str:
        charts = "\n\n".join(make())
        return f"## {title}\n\n{charts}" if charts else ""

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


def evidence_table(evidence: Iterable[Evidence]) -> str:
    """Verdicts as a Markdown table."""
    rows = [_row(e.gate, f"**{e.verdict}**", e.asked, e.of_whom, e.answer, e.threshold) for e in evidence]
    head = ["| gate | verdict | asked | of whom | answer | wanted |", "|---|---|---|---|---|---|"]
    return "\n".join(head + rows) if rows else "No checks are declared for this application."


def _row(*cells: str) -> str:
    """A query may hold what would end a cell of the table."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def question_text(question: Question, evidence: Iterable[Evidence]) -> str:
    """What the approval form shows above its fields."""
    shown = list(evidence)
    rows = [_row(e.gate, f"**{e.verdict}**", e.answer) for e in shown]
    table = "\n".join(["| gate | | found |", "|---|---|---|", *rows]) if rows else "No checks are declared."
    passed = sum(e.verdict is Verdict.PASS for e in shown)
    gates = sum(e.verdict is not Verdict.INFO for e in shown)
    changes = "".join(f"\n- {line}" for line in question.changes)
    return (
        f"## {question.summary}\n\n**{passed} of {gates} gates pass.** What changes:\n{changes}\n\n{table}\n\n"
        f"No decision before {question.expires_at:%Y-%m-%d %H:%M} UTC means no. A change of images, pod templates or "
        "routes voids it."
    )

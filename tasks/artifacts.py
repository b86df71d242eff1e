"""What a run shows in Prefect's UI beside its log."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import copy_context
from threading import Thread

from prefect.artifacts import create_markdown_artifact

from flipgate.core.gates import Evidence, Verdict
from flipgate.core.record import Question
from flipgate.steps.world import World


def show_evidence(application: str, title: str, evidence: Iterable[Evidence]) -> str:
    """A table of verdicts as an artifact `APP-evidence`; returns the Markdown."""
    text = f"## {title}\n\n{evidence_table(evidence)}"
    create_markdown_artifact(markdown=text, key=f"{application}-evidence", description=title)
    return text


def show_charts(world: World, title: str, charts: list[str]) -> None:
    """Pictures of the bake as an artifact `APP-bake`, made beside what goes on: users may be on their way back, and
    wait for no picture."""
    text = f"## {title}\n\n" + "\n\n".join(charts)

    def make() -> None:
        try:
            create_markdown_artifact(markdown=text, key=f"{world.application.name}-bake", description=title)
        except Exception as error:  # any at all: it is a picture
            world.say(f"no chart of the bake: {type(error).__name__}")

    if charts:
        Thread(target=copy_context().run, args=(make,), name="bake chart").start()


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

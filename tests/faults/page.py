"""The tables of docs/reliability.md about the lab, from the rows that the tests run: `python -m tests.faults.page`."""

from __future__ import annotations

from collections.abc import Iterable

from tests.faults.parts import ROWS
from tests.faults.walk import BETWEEN, WALK

SHORT = 8


def killed() -> str:
    """Which process dies where, and in which phase its application is then."""
    rows = [(crash.pipeline, f"`{crash.step}`", _phases(crash.left), _phases(crash.reconciled)) for crash in WALK] + [
        (crash.pipeline, f"before `{crash.step}` is noted", _phases(crash.left), _phases(crash.reconciled))
        for crash in BETWEEN
    ]
    return _table(("pipeline", "entry", "left in", "after `reconcile`"), rows)


def away() -> str:
    """What becomes of a release while a part is away."""
    rows = [
        (
            row.part,
            row.when,
            ", ".join(f"{fault} {row.seconds:g} s" if row.seconds > SHORT else fault for fault in row.faults),
            row.users,
            f"`{row.says}`" if row.says else "",
            row.then,
            " or ".join(f"`{phase}`" for phase in row.ends),
        )
        for row in ROWS
    ]
    return _table(("part", "while flipgate", "is", "users are on", "flipgate says", "to do", "then"), rows)


def _phases(phases: tuple[str, str]) -> str:
    return " / ".join(dict.fromkeys(f"`{phase}`" for phase in phases))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    print(killed(), away(), sep="\n")

"""The table of phases as a page: `python -m flipgate.core.record.phases_page > docs/phases.md`."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.core.record.phases import ROWS, Left, Phase, Row

HEAD = """\
# Phases of a release

Made from the table in `flipgate/core/record/phases.py`; a test holds the two equal.

What each phase means: what users have seen of the release, what becomes of the other side (the one they left, or will
leave) and of a new build, and what `flipgate rollback` does. The pipeline takes a release on from there; reconcile
starts its run where none is at work. The answer to a question covers finishing what it allowed, and goes with the phase
after.

A build that waits becomes a release by itself once the open one has ended (settled, or rolled back), with all others
that waited: the newest image of each service. A newer build that supersedes a release goes on with its images.

| phase | users | the other side | protected | a new build | rollback | pipeline | a person is asked |
|---|---|---|---|---|---|---|---|
"""

NEXT = """
## What leads where

Each change of phase has one reason, one journal entry and one announcement.

| from | to | for |
|---|---|---|
"""

ENDS = """
## After the end

The release is in the history then. One whose side is kept for a look has its pods up until `keepFailedSeconds` are
over (an abort rests it at once), and one that stays the open
release is shown by `flipgate status` until then.

| phase | its side is kept for a look | stays the open release |
|---|---|---|
"""


def render_phases() -> str:
    """The page as committed."""
    leads = "".join(
        f"| `{old}` | `{new}` | {', '.join(f'`{why}`' for why in sorted(whys))} |\n"
        for old, row in ROWS.items()
        for new, whys in row.leads_to.items()
    )
    return HEAD + "".join(map(_line, ROWS)) + NEXT + leads + ENDS + "".join(_ends())


def _line(phase: Phase) -> str:
    row = phase.row
    cells = (f"`{phase}`", row.users, row.left, _protected(row), row.build, row.rollback, row.pipeline, _asked(row))
    return f"| {' | '.join(cells)} |\n"


def _protected(row: Row) -> str:
    if row.both_protected:
        return "both sides: neither is dark"
    return "the live side; the other is the way back" if row.left is Left.KEPT else "the live side"


def _asked(row: Row) -> str:
    if row.question is None:
        return ""
    return row.question if row.asks else f"(the answer to {row.question} holds)"


def _ends() -> Iterator[str]:
    for phase, row in ROWS.items():
        if row.ended:
            yield f"| `{phase}` | {_yes(row.kept)} | {_yes(row.stays_open)} |\n"


def _yes(so: bool) -> str:
    return "yes" if so else "no"


if __name__ == "__main__":
    print(render_phases(), end="")

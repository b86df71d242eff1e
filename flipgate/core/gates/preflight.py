"""What is asked before a release writes anything: its rows in words, and what the record says of them later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from flipgate.core.gates.suite import WHERE, age
from flipgate.core.record.release import EXPAND, NOT_KEPT, PREFLIGHT, Release
from flipgate.core.values.verdicts import Evidence, Verdict, not_passed


def told(found: Evidence) -> str:
    """Returns one row in words, with what to type about it."""
    mend = f" ({found.mend})" if found.mend else ""
    return f"{found.gate}: {found.verdict}: {found.answer}{mend}"


def as_row(found: Evidence) -> dict[str, str]:
    """Returns one row as data for scripts."""
    row = {"gate": found.gate, "verdict": str(found.verdict), "answer": found.answer}
    return {**row, "wanted": found.threshold, "mend": found.mend}


def refusal(evidence: Sequence[Evidence]) -> str:
    """Returns all that keeps a release from being brought up, so that it can be mended in one go; empty where nothing
    does. Beside it people see all rows, and so all of them are counted."""
    bad = not_passed(evidence)
    return "; ".join([f"{len(bad)} of {len(evidence)} rows do not pass", *map(told, bad)]) if bad else ""


BEFORE: Final = ((PREFLIGHT, "before anything was written"), (EXPAND, "before the first pod"))


def before_bring_up(release: Release, now: datetime) -> Iterator[Evidence]:
    """Yields what the release's own record says of each row, and of each database, for whoever is asked about it: it
    passed, or is only shown."""
    for step, when in BEFORE:
        said = next((each for each in reversed(release.judgements) if each.step == step), None)
        for proof in said.proofs if said else ():
            if said and NOT_KEPT not in proof.detail:
                fact = f"{age((now - said.at).total_seconds())} ago, {when}: {proof.detail}"
                yield Evidence(proof.gate, Verdict(proof.verdict), step, WHERE, fact, "")

"""Checks that run by themselves are run once for a release. Later questions rest on what they said then, and say its
age."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from flipgate.core.gates.checks import Check
from flipgate.core.record.release import CHECKS, NONE_KEPT, Release
from flipgate.core.values.verdicts import Evidence, Verdict, not_passed

WHERE = "record"


def remembered(checks: Iterable[Check], release: Release, now: datetime) -> Iterator[Evidence]:
    """Yields what the release's own record says of each check that runs by itself, for a release that is dark.

    One of which it says nothing was declared after the release was checked: unknown, so that nobody flips on it. Where
    the record had no room for any it keeps no more than that all of them passed: only that is shown. Where it keeps the
    first of many, those that run by themselves are among them (steps/releasing/suite.py).
    """
    said = next((each for each in reversed(release.judgements) if each.step == CHECKS), None)
    kept = {proof.gate: proof for proof in said.proofs} if said else {}
    none_kept = any(proof.detail == NONE_KEPT for proof in kept.values())
    for check in checks:
        if not check.runs_by_itself:
            continue
        proof = kept.get(check.name)
        if said and proof:
            verdict, then = Verdict(proof.verdict), f"{age((now - said.at).total_seconds())} ago"
            yield Evidence(check.name, verdict, check.what, WHERE, f"{then}, for this release: {proof.detail}", "")
        elif said and none_kept:
            fact = f"passed {age((now - said.at).total_seconds())} ago; what it said is not kept"
            yield Evidence(check.name, Verdict.INFO, check.what, WHERE, fact, "")
        else:
            fact = (
                "never run for this release: it is new in the file since. Once flipgate rollback has ended the release "
                "the build has to be deployed again"
            )
            yield Evidence(check.name, Verdict.UNKNOWN, check.what, WHERE, fact, check.wanted)


def what_passed(evidence: Sequence[Evidence]) -> str:
    """Returns in words what checks and gates said of a release that is dark now. None of them failed; a gate may be
    unknown, and is asked again before a person is."""
    if not evidence:
        return "no checks are declared"
    unknown = [each.gate for each in not_passed(evidence)]
    later = f"; not known yet, and asked again before a person is: {', '.join(unknown)}" if unknown else ""
    return f"{len(evidence) - len(unknown)} checks passed{later}"


def not_run(checks: Iterable[Check]) -> Iterator[Evidence]:
    """Yields each check that runs by itself where those before it did not pass, so that it was not run."""
    for check in checks:
        if check.runs_by_itself:
            yield Evidence(
                check.name, Verdict.INFO, check.what, "nobody", "not run: a check before it did not pass", ""
            )


def age(seconds: float) -> str:
    """Returns a time that has passed in words with one number: who decides wants to know whether it was today."""
    if seconds < 120:
        return f"{max(0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3600:.1f} h"

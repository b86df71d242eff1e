"""The condition GitAccess: whether the worker's own credentials read the team's branch and may push there, known before
a release needs it. Only a run has them: who types `check` or `status` has others."""

from __future__ import annotations

import hashlib
from datetime import datetime

from flipgate.core.record import conditions
from flipgate.core.record.conditions import GIT_ACCESS
from flipgate.core.record.record import Condition, ConditionStatus, Record
from flipgate.core.spec.git import GitSpec
from flipgate.core.values.base import but
from flipgate.core.values.errors import FlipgateError, TemporaryError
from flipgate.core.values.reasons import Why


def way_in(spec: GitSpec) -> str:
    """Returns what a run's credentials are from, for people."""
    return f"block flipgate-git/{spec.block}" if spec.block else "the git of the worker's place"


def judge_access(spec: GitSpec, failed: FlipgateError | None, now: datetime) -> Condition:
    """Returns what trying has shown: `failed` is what was raised, if anything. A server that is away says nothing of
    who is let in."""
    if failed is None:
        said = f"{spec.where} can be read and pushed to ({way_in(spec)}); what protects the branch only a push shows"
        return _condition(spec, ConditionStatus.TRUE, Why.GIT_LETS_IN, said, now)
    away = isinstance(failed, TemporaryError)
    status, why = (ConditionStatus.UNKNOWN, Why.UNREADABLE) if away else (ConditionStatus.FALSE, Why.GIT_REFUSES)
    return _condition(spec, status, why, f"{failed.named_fact} ({way_in(spec)})", now)


def known_access(record: Record, spec: GitSpec, now: datetime) -> Condition:
    """Returns what was found last of this branch with this block; that nobody has tried, where that is so."""
    known = conditions.condition_of(record.conditions, GIT_ACCESS)
    if known and known.basis == _basis(spec):
        return known
    said = f"nobody has tried {way_in(spec)} at {spec.where} yet: reconcile does, within five minutes"
    return but(_condition(spec, ConditionStatus.UNKNOWN, Why.UNREADABLE, said, now), looked_at=None)


def _condition(spec: GitSpec, status: ConditionStatus, why: Why, said: str, now: datetime) -> Condition:
    return Condition(
        type=GIT_ACCESS, status=status, reason=why, message=said, since=now, looked_at=now, basis=_basis(spec)
    )


def _basis(spec: GitSpec) -> str:
    said = "\n".join((spec.repository, spec.branch, spec.block or ""))
    return hashlib.sha256(said.encode()).hexdigest()[:32]

"""When the maintenance flag has to go, and what is remembered and told of that."""

from __future__ import annotations

from datetime import datetime

from flipgate.core.record.maintenance import Maintenance
from flipgate.core.record.record import Record, announce, journaled
from flipgate.core.values.base import but
from flipgate.core.values.reasons import Why


def to_take_off(record: Record, now: datetime) -> Maintenance | None:
    """Returns the flag that is to be taken off; None where none is set, or it belongs there: while users move, and
    while it is not known yet whether they stay."""
    flag = record.maintenance
    if flag is None or (record.phase.row.half_way and (now - flag.at).total_seconds() < flag.at_most_seconds):
        return None
    return flag


def taken_off(record: Record, flag: Maintenance, actor: str, now: datetime, outcome: str) -> Record:
    """Returns the record without this flag, with an entry in the journal. Unchanged where another one is set by now."""
    if record.maintenance is None or record.maintenance.at != flag.at:
        return record
    return journaled(but(record, maintenance=None), Why.MAINTENANCE_OFF, actor, now, outcome)


def not_taken_off(record: Record, flag: Maintenance, why: str, now: datetime) -> Record:
    """Returns the record with the message that it is still on; told once. It stays noted, and reconcile tries again."""
    release = record.newest
    if record.maintenance is None or record.maintenance.at != flag.at or record.maintenance.left_on:
        return record
    release_name, side = (release.name, release.side) if release else ("", record.active)
    text = f"{record.application}: the maintenance flag, {flag}, may still be on: {why}. reconcile tries again"
    return announce(
        but(record, maintenance=but(record.maintenance, left_on=True)),
        f"{Why.MAINTENANCE_LEFT_ON}/{flag.at.isoformat()}",
        release=release_name,
        side=side,
        text=f"{text}; by hand: {by_hand(flag)}",
        reason=Why.MAINTENANCE_LEFT_ON,
        at=now,
    )


def by_hand(flag: Maintenance) -> str:
    """The command that takes it off without flipgate."""
    part = '{"data": {"' + flag.key + '": "' + flag.otherwise + '"}}'
    return f"kubectl -n {flag.namespace} patch configmap {flag.config_map} --type merge -p '{part}'"

"""Whether what an expansion has left may be contracted, or the expansion be taken back: by the code that has pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flipgate.core.record.ledger import Migration, to_contract
from flipgate.core.record.phases import Rollback
from flipgate.core.record.record import Record
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side


def need_contractible(record: Record, database: str, live: Side) -> tuple[Migration, ...]:
    """Returns what a contract of this database ends, with users on `live`.

    Raises Refused while a release is under way (WayBackOpen once users have been moved, else ReleaseOpen), where
    nothing is to be contracted (NothingToMigrate), and where users are on code that is older than an expansion, or that
    nobody knows (SchemaNeeded).
    """
    if release := record.under_way:
        if release.phase.row.rollback is Rollback.ABORTS:
            raise _busy(record)
        raise Refused(
            f"release {release.name} is `{release.phase}`: users can go back to {release.side.other}, whose code may "
            "need what the contract takes away",
            reason=Why.WAY_BACK_OPEN,
            next_command=f"flipgate scale-down {record.application}, once it has soaked; then the same again",
        )
    open_ones = _need_open(record, database)
    occupant = record.sides.get(live)
    if occupant is None or occupant.release is None:
        raise Refused(
            f"nobody knows which release users are on: {live} was adopted. The next release that settles is known",
            reason=Why.SCHEMA_NEEDED,
        )
    if later := [each for each in open_ones if each.at > occupant.since and each.release != occupant.release]:
        raise Refused(
            f"users are on release {occupant.release}, which is older than {'; '.join(map(str, later))}: its code may "
            "need what the contract takes away",
            reason=Why.SCHEMA_NEEDED,
            next_command=f"flipgate status {record.application}: release that code again, or flipgate revert "
            f"{record.application} --database {database}",
        )
    return open_ones


def need_revertible(record: Record, database: str, up: Iterable[Side]) -> Migration:
    """Returns the expansion that a way down takes back: the newest that is open. `up` are the sides that have pods.

    Raises Refused while a release is under way (ReleaseOpen), where there is none (NothingToMigrate), and where pods
    run code that came after it, or that nobody knows (SchemaNeeded).
    """
    if record.under_way:
        raise _busy(record)
    newest = _need_open(record, database)[-1]
    if needing := list(_needing(record, newest, up)):
        raise Refused(
            f"is needed by code that has pods: {'; '.join(needing)}. It would take back {newest}",
            reason=Why.SCHEMA_NEEDED,
        )
    return newest


def need_applied(newest: Migration, version: str) -> None:
    """Raises Refused where a way down would take back something else than this expansion, by the version that the
    database has now: one that it never came to (NothingToMigrate), or that others came after (SchemaNeeded)."""
    if version == newest.before:
        raise Refused(
            f"is at {version}, as it was before {newest}: a way down would take back what came before that",
            reason=Why.NOTHING_TO_MIGRATE,
        )
    if newest.sure and version != newest.after:
        raise Refused(
            f"is at {version}, and {newest} ended at {newest.after}: a way down would take back what came after that",
            reason=Why.SCHEMA_NEEDED,
        )


def _needing(record: Record, newest: Migration, up: Iterable[Side]) -> Iterator[str]:
    for side in up:
        occupant = record.sides.get(side)
        if occupant is None:
            yield f"nobody knows what {side} runs"
        elif occupant.since > newest.at or occupant.release == newest.release:  # on a copy, before
            yield f"{side} runs release {occupant.release or 'that was adopted'}"


def _need_open(record: Record, database: str) -> tuple[Migration, ...]:
    if found := to_contract(record, database):
        return found
    raise Refused("the ledger has no expansion of it that is open", reason=Why.NOTHING_TO_MIGRATE)


def _busy(record: Record) -> Refused:
    release = record.under_way
    assert release
    return Refused(
        f"release {release.name} is `{release.phase}` on {release.side}",
        reason=Why.RELEASE_OPEN,
        next_command=f'flipgate status {record.application}; flipgate rollback {record.application} --reason "..." '
        "ends what users have not seen",
    )

"""What `contract` and `revert` share: their options, and what they print of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import click

from flipgate.cli._options import ClusterOptions, Decorator, need_reason, person
from flipgate.cli._print import echo, emit
from flipgate.core.values.errors import BadInput

if TYPE_CHECKING:
    from flipgate.core.record.ledger import Migration
    from flipgate.core.values.who import Speaker
    from flipgate.steps.acting.world import World
    from flipgate.steps.releasing.contract_database import Moved


class _Moves(Protocol):
    def __call__(self, world: World, name: str, reason: str, *, by: Speaker, dry_run: bool = False) -> Moved: ...


def database_option(text: str) -> Decorator[Any]:
    """--database NAME."""
    return click.option("--database", default="", metavar="NAME", help=text)


dry_run_option = click.option("--dry-run", is_flag=True, help="Change nothing: show what it rests on.")


def show(
    options: ClusterOptions,
    verb: str,
    moves: _Moves,
    app: str,
    database: str,
    reason: str,
    dry_run: bool,
    output: str | None,
) -> None:
    """Has it done, or asked, and prints what was seen. Raises BadInput where no database is named, or no reason."""
    if not database:
        raise BadInput(
            "needs to know which database",
            obj=verb,
            untouched="all databases",
            next_command=f"flipgate {verb} {app} --database NAME --dry-run",
        )
    reason = reason if dry_run else need_reason(f"{verb}", f"{app} --database {database}", reason)
    world = options.world(app, quiet=output is not None)
    done = moves(world, database, reason, by=person(world), dry_run=dry_run)
    if output:
        emit({"application": app, "database": database, **_data(done)}, output)
        return
    for each in done.evidence:
        echo(f"{each.gate}: {each.verdict}: {each.answer}{f' (wanted {each.threshold})' if each.threshold else ''}")
    closes = f"; nobody goes back to {done.closes} from then on" if done.closes else ""
    if done.done:
        echo(f"{verb} of database {database} of {app} is done{closes}")
    else:
        echo(f'nothing was changed{closes}. Next: flipgate {verb} {app} --database {database} --reason "..."')


def _data(done: Moved) -> dict[str, Any]:
    evidence = [
        {
            "gate": each.gate,
            "verdict": str(each.verdict),
            "detail": f"{each.answer} (wanted {each.threshold})" if each.threshold else each.answer,
        }
        for each in done.evidence
    ]
    return {
        "done": done.done,
        "closes": str(done.closes) if done.closes else None,
        "ends": [as_data(each) for each in done.ends],
        "evidence": evidence,
    }


def as_data(migration: Migration) -> dict[str, Any]:
    """A migration of the ledger, as it is printed."""
    return {**migration.model_dump(mode="json", by_alias=True), "text": str(migration)}

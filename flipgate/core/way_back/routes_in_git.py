"""What is so of the routes in Git after a move that nobody with Git's credentials has looked at yet."""

from __future__ import annotations

from collections.abc import Collection

from flipgate.core.record.record import Record
from flipgate.core.spec.git import GitSpec
from flipgate.core.values.sides import Side


def not_looked_at_yet(record: Record | None, spec: GitSpec, active: Side, held: Collection[str]) -> str:
    """Returns who has to do what until Git leads to `active`; without a record nothing is known of a request. `held`
    are the routes that Flux leaves as they are meanwhile."""
    flux = f"; Flux leaves {', '.join(held)} as it is until then" if held else ""
    asked = record.merge_request if record else None
    if asked and asked.to is not active:
        return (
            f"do not merge {asked.name}: it leads to {asked.to}. While nobody has, Git leads to {active}, as the "
            f"routes do; reconcile makes that request empty, within five minutes{flux}"
        )
    if asked:
        return f"{asked.name} leads to {active}, as the routes do: a person merges it{flux}"
    if spec.request:
        return (
            f"nobody has looked yet whether {spec.branch} leads to {active}, as the routes do: reconcile does, within "
            f"five minutes, and where it does not opens a request, which a person has to merge{flux}"
        )
    return f"nobody has pushed yet that the routes lead to {active}: reconcile does, within five minutes{flux}"

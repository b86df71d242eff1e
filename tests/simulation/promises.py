"""What must hold after each request, whatever the order was. Each break is a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flipgate.adapters.store import parse_record
from flipgate.core.record.record import Decision, Record
from flipgate.core.values.sides import Side
from tests.simulation.apiserver import Address, Obj
from tests.simulation.town import OWN, SERVICES, SIDE_OF, Town, side_named


class BrokenPromiseError(Exception):
    """A promise to users did not hold."""


@dataclass(eq=False)
class Promises:
    """Looks at each change of the world as it is made."""

    town: Town
    old_first: bool = True
    people: bool = False
    """Whether people move routes by hand: between our look and our write they may, and a worker stops then."""
    record: Record | None = None
    """As it was written last."""
    rolled_back: tuple[float, Side] | None = None
    """The second at which a rollback said done, and where users were sent."""
    approved: float = 0.0
    """The second at which the approval that stands was written, whatever clock it was dated by."""
    parsed: Callable[..., Record] = parse_record

    def look(self, who: str, address: Address, before: Obj | None, after: Obj | None) -> None:
        """Judges one change. `who` made it: flipgate's actors, a person with kubectl, or the cluster itself. Raises
        BrokenPromiseError."""
        if address.plural == "configmaps" and address.name == "record-shop" and after:
            self._recorded(after)
        if who.startswith(("a person", "the cluster", "an autoscaler")) or before is None or after is None:
            return
        if address.plural == "ingressroutes":
            self._moved(who, before, after)
        if address.plural == "deployments" and address.part != "status":
            self._worked_on(who, address, before, after)

    def _recorded(self, obj: Obj) -> None:
        before, self.record = self.record, self.parsed(obj["data"]["record.json"], "shop", OWN)
        if before is None or before.approval != self.record.approval:
            self.approved = self.town.scheduler.now

    def _moved(self, who: str, before: Obj, after: Obj) -> None:
        was, now = side_named(before), side_named(after)
        if was is now or now is None:
            return
        for service, count in SERVICES.items():
            if service == "web" and count and not self.town.ready(now, service) and self.town.ready(now.other, service):
                raise BrokenPromiseError(f"{who} moved users to {now}, where no pod of {service} is Ready")
        named = {self.town.said(route) for route in self.town.routes}
        if (
            len(named) > 1
            and not (self.record and self.record.open_entry)
            and "unrecorded" not in str(after["metadata"])
        ):
            raise BrokenPromiseError(f"{who} left the routes split, and the journal has no open entry")
        self._need_yes(who, now)

    def _need_yes(self, who: str, to: Side) -> None:
        """Going on to a release's side needs a yes that stands; a move off it is always allowed."""
        record = self.record
        release = record.release if record else None
        if record is None or release is None or to is not release.side:
            return
        approval = record.approval
        if approval is None or approval.decision is not Decision.APPROVE:
            raise BrokenPromiseError(f"{who} moved users to {to} for {release.name} without a yes")
        if self.rolled_back and self.rolled_back[1] is not to and self.approved < self.rolled_back[0]:
            raise BrokenPromiseError(f"{who} moved users to {to} by a yes from before a rollback had ended")

    def _worked_on(self, who: str, address: Address, before: Obj, after: Obj) -> None:
        side, service = SIDE_OF[address.namespace], address.name
        was, now = before["spec"], after["spec"]
        named = [self.town.said(route) is side for route in self.town.routes]
        # Between two sides workers go where users are sent.
        live = any(named) if service == "web" else all(named) and not self.people
        if live and now["replicas"] < was["replicas"]:
            raise BrokenPromiseError(
                f"{who} shrank {service} of {side}, which is live, from {was['replicas']} to {now['replicas']}"
            )
        if live and now["template"] != was["template"]:
            raise BrokenPromiseError(f"{who} changed the pods of {service} of {side}, which is live")
        starts = service == "mailer" and now["replicas"] > was["replicas"]
        if self.old_first and starts and self.town.running(side.other, service):
            raise BrokenPromiseError(f"{who} started the worker on {side}, and {side.other}'s still runs")


def settled_problems(town: Town, record: Record) -> list[str]:
    """What does not agree once nobody but reconcile has acted for long."""
    named = {town.said(route) for route in town.routes}
    problems = []
    if record.open_entry:
        problems.append(f"entry {record.open_entry.step} is still open")
    if len(named) != 1:
        problems.append(f"the routes are split: {sorted(map(str, named))}")
        return problems
    (live,) = named
    if live is None:
        return [*problems, "the routes lead elsewhere"]
    for service, count in SERVICES.items():
        if town.ready(live, service) < count:
            problems.append(f"{live} is live, and has {town.ready(live, service)} of {count} pods of {service} Ready")
    if town.running(live.other, "mailer"):
        problems.append(f"the worker runs on {live.other}, too")
    return problems

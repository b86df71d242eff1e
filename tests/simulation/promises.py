"""What must hold after each request, whatever the order was. Each break is a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flipgate.adapters.chat import LONGEST_TEXT
from flipgate.adapters.store import parse_record
from flipgate.core.record.announcement import Announcement
from flipgate.core.record.intents import BRING_UP, HAND_OVER, MOVE_ROUTES, REST_SIDE, RESTORE_LIVE_SIDE, Move
from flipgate.core.record.phases import AFTER_TRAFFIC, Phase
from flipgate.core.record.record import Approval, Decision, Record
from flipgate.core.record.release import Release
from flipgate.core.values.outward import slack
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP, epoch_of
from tests.simulation.apiserver import Address, Obj
from tests.simulation.town import OWN, SERVICES, SIDE_OF, Town, side_named
from tests.simulation.weather import ASLEEP_SECONDS


class BrokenPromiseError(Exception):
    """A promise to users did not hold."""


STEPS = {"ingressroutes": {MOVE_ROUTES}, "deployments": {BRING_UP, HAND_OVER, REST_SIDE, RESTORE_LIVE_SIDE}}
"""The entries of the journal that explain a change of what these objects say."""
NOTICED_SECONDS = 20.0 + 2 * ASLEEP_SECONDS
"""In which who is taken over has to notice it: its Lease is renewed, and looked at before each write. Who was suspended
does not know for how long."""
HELD_BACK, UNTIL = (Phase.FLIPPING, Phase.SETTLING), (Phase.DARK, Phase.LIVE)
"""What does not begin while somebody has frozen the application."""
NOT_OURS = ("a person", "the cluster", "an autoscaler")


@dataclass
class Opened:
    """An entry of the journal."""

    id: int
    step: str
    epoch: int
    closed: float | None = None
    """When it was seen not to be open any more, in seconds of the simulation."""


@dataclass(eq=False)
class Promises:
    """Looks at each change of the world as it is made."""

    town: Town
    old_first: bool = True
    people: bool = False
    """Whether people change things by hand: between our look and our write they may, and a worker stops then."""
    record: Record | None = None
    """As it was written last."""
    rolled_back: tuple[float, Side] | None = None
    """The second at which a rollback said done, and where users were sent."""
    approved: float = 0.0
    """The second at which the approval that stands was written, whatever clock it was dated by."""
    parsed: Callable[..., Record] = parse_record
    named: dict[str, Side] = field(default_factory=dict)
    """The side that a person named, by the process of their rollback."""
    woken: set[str] = field(default_factory=set)
    """Processes whose machine stopped them right before what they send now: it is as late as what hung on its way."""
    emptied: set[Side] = field(default_factory=set)
    """Sides of which a person has scaled what serves to 0: done while it is live, it says that it carries nothing."""
    led_by_hand: set[Side] = field(default_factory=set)
    """Sides that a person has led users to since anybody of ours has moved any: nothing stamps them for that."""
    entries: dict[str, Opened] = field(default_factory=dict)
    """The last entry of the journal that each actor has opened, or gone on with."""
    spent: dict[tuple[str, datetime], set[int]] = field(default_factory=dict)
    """The entries of the journal that each yes was used by."""
    said: dict[str, Announcement] = field(default_factory=dict)
    """All that ever stood in the outbox, by its id."""

    def look(self, who: str, address: Address, before: Obj | None, after: Obj | None) -> None:
        """Judges one change. `who` made it: flipgate's actors, a person with kubectl, or the cluster itself. Raises
        BrokenPromiseError."""
        if address.plural == "configmaps" and address.name == "record-shop" and after:
            self._recorded(after)
        if address.plural == "deployments" and address.name == "web" and after:
            self._asked_for(who, SIDE_OF[address.namespace], after["spec"]["replicas"])
        if address.plural == "ingressroutes" and before and after:
            self._led(who, side_named(before), side_named(after))
        if who.startswith(NOT_OURS) or before is None or after is None:
            return
        if address.plural == "ingressroutes":
            self._moved(who, before, after)
        if address.plural == "deployments" and address.part != "status":
            self._worked_on(who, address, before, after)

    def _led(self, who: str, was: Side | None, now: Side | None) -> None:
        if was is now or now is None:
            return
        if who.startswith("a person"):
            self.led_by_hand.add(now)
        else:
            self.led_by_hand.clear()

    def _asked_for(self, who: str, side: Side, pods: int) -> None:
        if pods:
            self.emptied.discard(side)
        elif who.startswith("a person"):
            self.emptied.add(side)

    def rolls_back(self) -> None:
        """Somebody decides to roll back: what an earlier rollback said is over."""
        self.rolled_back = None

    def entry_of(self, who: str) -> int | None:
        """The open entry of the journal, where this process works under it."""
        record = self.record
        entry = record.open_entry if record else None
        if record is None or entry is None:
            return None
        # Who has just taken over closes the entry, or goes on with it; until then it is still its actor's.
        actors = {each.split(" (")[0] for each in (record.holder, entry.actor)}
        return entry.id if who.removesuffix(", late") in actors else None

    def untold(self, told: Sequence[str]) -> list[str]:
        """What stood in the outbox and nobody was ever told."""
        missing = [
            each
            for each in self.said.values()
            if not any(text.startswith(slack(each.text, LONGEST_TEXT)) for text in told)
        ]
        return [f"nobody was told: {each.text}" for each in missing]

    @property
    def _forced(self) -> bool:
        """Whether a person has named the side that users are sent to: then they decide."""
        entry = self.record.open_entry if self.record else None
        return entry is not None and bool(entry.intent.get("forced"))

    @property
    def _goes_back(self) -> bool:
        """Whether a way back is under way: its workers are handed back at its end."""
        if self.record is None:
            return False
        entry = self.record.open_entry
        moves = entry is not None and entry.step == MOVE_ROUTES and Move.read(entry.intent).back
        return moves or self.record.phase is Phase.ROLLING_BACK

    def _recorded(self, obj: Obj) -> None:
        before, self.record = self.record, self.parsed(obj["data"]["record.json"], "shop", OWN)
        record = self.record
        if before is None or before.approval != record.approval:
            self.approved = self.town.scheduler.now
        entry = record.open_entry
        # Whose entry it is, and whoever has taken over from them, and backs it out or goes on with it.
        under = {each.split(" (")[0] for each in (record.holder, entry.actor) if each} if entry else set()
        for actor, opened in self.entries.items():
            if opened.closed is None and (entry is None or entry.id != opened.id or actor not in under):
                opened.closed = self.town.scheduler.now
        for actor in under:
            if entry and entry.id != getattr(self.entries.get(actor), "id", 0):
                self.entries[actor] = Opened(entry.id, entry.step, record.epoch)
        for message in record.outbox:
            same = self.said.setdefault(message.id, message)
            if same.text != message.text:
                raise BrokenPromiseError(f"two announcements have one id: {same.text} / {message.text}")
        begins = before is not None and record.phase in HELD_BACK and before.phase in UNTIL
        if begins and record.frozen:
            raise BrokenPromiseError(f"a release became {record.phase} while it was frozen")
        approval = record.approval
        if approval and approval.spent_by is not None:
            self._spend(approval, approval.spent_by)

    def _spend(self, approval: Approval, entry: int) -> None:
        spent = self.spent.setdefault((approval.question, approval.at), set())
        spent.add(entry)
        if len(spent) > 1:
            raise BrokenPromiseError(f"one yes ({approval.question}) was used by the entries {sorted(spent)}")

    def _moved(self, who: str, before: Obj, after: Obj) -> None:
        was, now = side_named(before), side_named(after)
        if was is now or now is None:
            return
        gone = not self.town.ready(now, "web") and now not in self.emptied
        unrecorded = "unrecorded" in str(after["metadata"])
        forced = self._forced or (unrecorded and self.named.get(who) is now)  # no entry says so then
        if not forced and gone and self.town.ready(now.other, "web"):
            raise BrokenPromiseError(f"{who} moved users to {now}, where no pod of web is Ready")
        if who.startswith("a pasted line"):
            return
        named = {self.town.said(route) for route in self.town.routes}
        if len(named) > 1 and not (self.record and self.record.open_entry) and not unrecorded:
            raise BrokenPromiseError(f"{who} left the routes split, and the journal has no open entry")
        if self._not_yet_refused(who, (before["metadata"].get("annotations") or {}).get(STAMP)):
            return
        if not unrecorded:
            self._need_entry(who, "ingressroutes", f"moved users to {now}")
        if not unrecorded or self.named.get(who) is not now:  # without a record it goes by what they say
            self._need_yes(who, now)

    def _not_yet_refused(self, who: str, stamp: str | None) -> bool:
        """Whether a way back has begun over who moves this route, and died before its own patch: until somebody goes on
        with it, nothing can refuse what was on its way. The users whom it brings are sent back then."""
        own = self._overtaken(who, "ingressroutes", stamp)
        return own is not None and own.closed is not None and self._goes_back

    def _overtaken(self, who: str, plural: str, stamp: str | None) -> Opened | None:
        """The entry of who writes, where its object bears no stamp of a later epoch: nobody has come to it since."""
        own, theirs = self.entries.get(who.removesuffix(", late")), epoch_of(stamp)
        if own is None or own.step not in STEPS[plural] or (theirs is not None and theirs > own.epoch):
            return None
        return own

    def _taken_over(self, who: str, plural: str, stamp: str | None) -> bool:
        """Whether somebody has just taken over from who writes, and closed their entry, but has not come to this object
        yet: its stamp is of no later epoch than theirs."""
        own = self._overtaken(who, plural, stamp)
        return own is not None and (own.closed is None or self.town.scheduler.now - own.closed < NOTICED_SECONDS)

    def _need_entry(self, who: str, plural: str, did: str, stamp: str | None = None) -> None:
        """The journal explains the world: each change of ours is made under an open entry of its actor's; `stamp` is
        the one that the object bore."""
        record = self.record
        entry = record.open_entry if record else None
        if self.entry_of(who) is None or entry is None or entry.step not in STEPS[plural]:
            if self._taken_over(who, plural, stamp):
                return
            stands = f"{entry.step} of {record.holder}" if record and entry else "none is open"
            raise BrokenPromiseError(f"{who} {did} without an entry in the journal ({stands})")

    def _need_yes(self, who: str, to: Side) -> None:
        """Going on to a release's side needs a yes that stands, and so does leaving where a rollback sent users."""
        record = self.record
        release, approval = (record.release, record.approval) if record else (None, None)
        forward = release is not None and to is release.side and self._runs(release)
        if forward and release and self._forced and release.phase in AFTER_TRAFFIC:
            return  # a person named the side, of a release whose move was approved
        if forward and (approval is None or approval.decision is not Decision.APPROVE):
            raise BrokenPromiseError(f"{who} moved users to {to} without a yes")
        if forward and record and record.open_entry and approval:
            self._spend(approval, record.open_entry.id)
        if self.rolled_back is None or self.rolled_back[1] is to:
            return
        if release and to is release.side.other and release.phase in AFTER_TRAFFIC:
            return  # a person had gone forward to it by name: its proof and its bake may take it back
        if approval is None or self.approved < self.rolled_back[0]:
            raise BrokenPromiseError(f"{who} moved users off to {to} again, and a rollback had said done")

    def _runs(self, release: Release) -> bool:
        """Whether users who come to its side get it: until it is brought up, what ran there last is asked for."""
        return self.town.image(release.side, "web") == release.images.get("web")

    def _worked_on(self, who: str, address: Address, before: Obj, after: Obj) -> None:
        side, service = SIDE_OF[address.namespace], address.name
        was, now = before["spec"], after["spec"]
        named = [self.town.said(route) is side for route in self.town.routes]
        # Between two sides workers go where users are sent; after a way back's patch, before it stamps them (0011), the
        # hand-over that it has taken over from may still stop one: it is handed back before the way back has ended. Who
        # goes back stops none there, but by what hung since its own hand-over.
        hung = who.endswith(", late") or who in self.woken
        overtaken = self._goes_back and (hung or self.entry_of(who) is None)
        # A person's kubectl stamps no side: what was sent before that, while its side was dark, arrives there after it.
        by_hand = hung and side in self.led_by_hand
        live = any(named) and not by_hand if service == "web" else all(named) and not self.people and not overtaken
        if live and now["replicas"] < was["replicas"]:
            raise BrokenPromiseError(
                f"{who} shrank {service} of {side}, which is live, from {was['replicas']} to {now['replicas']}"
            )
        if live and now["template"] != was["template"]:
            raise BrokenPromiseError(f"{who} changed the pods of {service} of {side}, which is live")
        # More pods of what serves, for the way back, are asked for without an entry.
        more = service == "web" and now["replicas"] > was["replicas"] and now["template"] == was["template"]
        # What hung while its side was dark, and nobody wrote since, may arrive there after its entry was backed out; so
        # may what does not serve where a person, whose move nobody of ours has seen, has sent users there.
        led = {self.town.said(route) for route in self.town.routes}
        late = hung and (side not in led or (self.people and service != "web"))
        if now != was and not more and not late:
            stamp = (before["metadata"].get("labels") or {}).get(STAMP)
            self._need_entry(who, "deployments", f"changed {service} of {side}", stamp)
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
    if town.flag == "true" or record.maintenance:
        problems.append(f"the maintenance flag is {town.flag or 'gone'}, and noted: {record.maintenance}")
    (live,) = named
    if live is None:
        return [*problems, "the routes lead elsewhere"]
    for service, count in SERVICES.items():
        if town.ready(live, service) < count:
            problems.append(f"{live} is live, and has {town.ready(live, service)} of {count} pods of {service} Ready")
    if town.running(live.other, "mailer"):
        problems.append(f"the worker runs on {live.other}, too")
    return problems

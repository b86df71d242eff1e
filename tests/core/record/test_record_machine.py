"""Any order of things that can happen to a record, and what stays true through all of them."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flipgate.adapters.store import parse_record
from flipgate.core.record import approvals, outbox
from flipgate.core.record import record as records
from flipgate.core.record.approvals import Granted, accept, ask_for
from flipgate.core.record.intents import BRING_UP, MOVE_ROUTES, REST_SIDE
from flipgate.core.record.phases import ASKED_IN, MOVING, TERMINAL, TRANSITIONS, Phase, QuestionKind, Reason
from flipgate.core.record.record import JOURNAL_KEPT, Decision, EntryState
from flipgate.core.record.record import Record as RecordModel
from flipgate.core.values.sides import Side
from tests.core.builders import NOW, approval, record, refuses, release

BASES = st.sampled_from(["basis-1", "basis-1", "basis-2"])
AHEAD = {
    Phase.DEPLOYING: (Phase.DARK, Reason.CHECKS_PASSED),
    Phase.DARK: (Phase.FLIPPING, Reason.APPROVED),
    Phase.FLIPPING: (Phase.BAKING, Reason.TRAFFIC_PROVEN),
    Phase.BAKING: (Phase.LIVE, Reason.BAKE_PASSED),
    Phase.LIVE: (Phase.SETTLING, Reason.SETTLE_APPROVED),
    Phase.SETTLING: (Phase.SETTLED, Reason.OLD_SIDE_AT_REST),
    Phase.ROLLING_BACK: (Phase.ROLLED_BACK, Reason.TRAFFIC_RESTORED),
}
"""The way a release goes when all is well: taken as often as all the others, or few would get far."""


class RecordMachine(RuleBasedStateMachine):
    """Takes one record through opening, phases, journal, questions and outbox, as steps and crashes might."""

    @initialize(side=st.sampled_from(Side), steps=st.integers(0, 6))
    def adopt(self, side: Side, steps: int) -> None:
        self.record = record(active=side)
        self.now = NOW
        self.attempts = 0
        self.told: set[str] = set()
        self.answers = 0
        self.stood_on: set[str] = set()
        self.open_entry: int | None = None
        self.read_back: RecordModel | None = None
        for step in range(steps):
            if step == 0:
                self.open(side.other)
            else:
                self.ahead()

    def changes_phase(self, after: RecordModel) -> None:
        """One reason, one journal entry, one announcement with an id never seen before."""
        before, self.record = self.record, after
        release = after.release or after.last
        assert release is not None
        reason = release.changes[-1].reason
        known = {entry.id for entry in before.journal}
        (entry,) = [e for e in after.journal if e.id not in known and e.step.startswith("Phase:")]
        assert (entry.step, entry.outcome.split(":")[0], entry.release) == (
            f"Phase:{release.phase}",
            reason,
            release.name,
        )
        (message,) = [m for m in after.outbox if m not in before.outbox]
        assert message.id not in self.told
        assert f"{release.phase} ({reason})" in message.text
        self.told.add(message.id)
        assert after.question is None or release.phase in ASKED_IN[after.question.kind]

    @property
    def is_open(self) -> bool:
        return self.record.release is not None and self.record.phase not in TERMINAL

    @rule(seconds=st.sampled_from([1, 61]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: not self.is_open)
    @rule(side=st.sampled_from(Side))
    def open(self, side: Side) -> None:
        self.attempts += 1
        new = release(Phase.DEPLOYING, side=side, attempt=self.attempts)
        self.changes_phase(records.open_release(self.record, new, self.now))

    @precondition(lambda self: self.is_open)
    @rule(data=st.data())
    def advance(self, data: st.DataObject) -> None:
        steps = [(new, why) for new, whys in TRANSITIONS[self.record.phase].items() for why in sorted(whys)]
        phase, reason = data.draw(st.sampled_from(steps))
        self.changes_phase(records.advance(self.record, phase, reason, self.now, actor="ci", message="so"))

    @precondition(lambda self: self.is_open)
    @rule()
    def ahead(self) -> None:
        phase, reason = AHEAD[self.record.phase]
        self.changes_phase(records.advance(self.record, phase, reason, self.now, actor="ci"))

    @rule(step=st.sampled_from([MOVE_ROUTES, BRING_UP, REST_SIDE]), to=st.sampled_from(Side))
    def begin(self, step: str, to: Side) -> None:
        intent = {"to": str(to), "from": str(to.other)}
        if self.open_entry is not None:
            with refuses("JournalOpen"):
                records.begin(self.record, step, "ci", self.now, intent)
            return
        self.record, entry = records.begin(self.record, step, "ci", self.now, intent)
        self.open_entry = entry.id

    @precondition(lambda self: self.open_entry is not None)
    @rule(state=st.sampled_from([EntryState.DONE, EntryState.UNDONE]))
    def end(self, state: EntryState) -> None:
        entry, before = self.record.open_entry, self.record.active
        assert entry is not None
        self.record = records.end(self.record, entry.id, state, self.now, "")
        arrived = entry.step == MOVE_ROUTES and state is EntryState.DONE
        assert self.record.active == (entry.intent["to"] if arrived else before)
        assert records.end(self.record, entry.id, EntryState.DONE, self.now, "twice") == self.record
        self.open_entry = None

    @rule(kind=st.sampled_from(QuestionKind), basis=BASES)
    def pose(self, kind: QuestionKind, basis: str) -> None:
        if self.record.release is None:
            with refuses("NoOpenRelease"):
                ask_for(self.record, kind, basis, "?", self.now, 60)
            return
        question = ask_for(self.record, kind, basis, "?", self.now, 60)
        if not self.is_open:
            with refuses("ReleaseGone"):
                approvals.pose(self.record, question)
            return
        self.record = approvals.pose(self.record, question)
        assert (self.record.question, self.record.approval) == (question, None)

    @rule(decision=st.sampled_from(Decision))
    def answer(self, decision: Decision) -> None:
        question = self.record.question
        self.answers += 1
        given = approval(
            question=question.id if question else "gone",
            basis=question.basis if question else "",
            decision=decision,
            at=self.now,
            reason=f"answer {self.answers}",
        )
        before = self.record.approval
        revokes = before is not None and before.unspent and decision is not Decision.APPROVE
        if question is None or (before is not None and not revokes):
            with refuses("QuestionGone" if question is None else "AlreadyAnswered"):
                approvals.answer(self.record, given)
            return
        self.record = approvals.answer(self.record, given)

    @precondition(lambda self: self.record.phase is Phase.DARK and self.open_entry is None)
    @rule(basis=BASES)
    def move_if_granted(self, basis: str) -> None:
        """As `flip` does: its own question only; the entry, the phase and the spent approval in one write."""
        if self.record.question is None or self.record.question.kind is not QuestionKind.FLIP:
            self.pose(QuestionKind.FLIP, basis)
        if self.record.approval is None:
            self.answer(Decision.APPROVE)
        verdict = accept(self.record.approval, self.record.question, basis, self.now)
        if not isinstance(verdict, Granted):
            return
        assert verdict.reason not in self.stood_on
        self.stood_on.add(verdict.reason)
        begun, entry = records.begin(self.record, MOVE_ROUTES, "ci", self.now, {"to": "green", "from": "blue"})
        self.record, self.open_entry = begun, entry.id
        self.changes_phase(records.advance(begun, Phase.FLIPPING, Reason.APPROVED, self.now, actor="ci"))
        self.record = approvals.spend(self.record, entry.id)
        with refuses("NoApproval"):
            approvals.spend(self.record, entry.id + 1)

    @rule()
    def withdraw(self) -> None:
        self.record = approvals.withdraw(self.record)

    @precondition(lambda self: self.record.outbox)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        message = data.draw(st.sampled_from(self.record.outbox))
        self.record = outbox.delivered(self.record, message.id, release=message.release, thread="thread")
        assert message not in self.record.outbox

    @invariant()
    def is_read_back_as_it_was_written(self) -> None:
        if self.record is not self.read_back:
            assert parse_record(self.record.model_dump_json(by_alias=True), "shop", "flipgate") == self.record
            self.read_back = self.record

    @invariant()
    def at_most_one_release_is_open(self) -> None:
        if self.is_open:
            with refuses("ReleaseOpen"):
                records.open_release(self.record, release(attempt=self.attempts + 1), self.now)

    @invariant()
    def at_most_one_entry_is_open_and_it_is_the_one_that_was_begun(self) -> None:
        begun = [entry.id for entry in self.record.journal if entry.state is EntryState.BEGUN]
        assert begun == ([] if self.open_entry is None else [self.open_entry])

    @invariant()
    def the_journal_is_bounded_and_in_order(self) -> None:
        ids = [entry.id for entry in self.record.journal]
        assert ids == sorted(set(ids))
        assert len(ids) <= JOURNAL_KEPT + 1

    @invariant()
    def flipping_comes_from_dark_only(self) -> None:
        for one in filter(None, (self.record.release, self.record.last)):
            into = {old.phase for old, new in pairwise(one.changes) if new.phase is Phase.FLIPPING}
            assert into <= {Phase.DARK}

    @invariant()
    def while_traffic_moves_both_sides_are_protected(self) -> None:
        entry = self.record.open_entry
        moving = self.record.phase in MOVING or (entry is not None and entry.step == MOVE_ROUTES)
        assert self.record.both_protected is moving

    @invariant()
    def nothing_stands_for_a_release_that_has_ended(self) -> None:
        if not self.is_open:
            assert (self.record.question, self.record.approval) == (None, None)

    @invariant()
    def a_spent_approval_grants_nothing(self) -> None:
        if self.record.approval and self.record.approval.spent_by is not None:
            for basis in ("basis-1", "basis-2"):
                assert not isinstance(accept(self.record.approval, self.record.question, basis, self.now), Granted)


TestRecordMachine = RecordMachine.TestCase

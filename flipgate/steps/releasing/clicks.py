"""Decisions by Slack's buttons: a click opens a form for the reason, and what that says goes into the record as by
`flipgate approve` and `flipgate reject`.

Judged at the click, so that nobody fills in a form in vain, and again with the form, for that comes later.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from flipgate.adapters.chat_app import ChatApp
from flipgate.adapters.web_api import TokenRefused
from flipgate.core.record import approvals, in_chat
from flipgate.core.record.asking import LONGEST_SECTION, choice_of, command, form, told
from flipgate.core.record.click import REASON, Click, read_click
from flipgate.core.record.record import Decision, Question, Record
from flipgate.core.values.errors import BadInput, FlipgateError, PermanentError, Refused
from flipgate.core.values.outward import slack
from flipgate.core.values.reasons import Why
from flipgate.core.values.who import Speaker, slack_caller
from flipgate.steps.acting.in_chat import say_what_became
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.doorbell import wake
from flipgate.steps.releasing.questions import decide

VIA: Final = "slack"
AT_ONCE: Final = 4
REMEMBERED: Final = 1_000
"""Clicks, the newest: Slack sends one again within minutes, or never."""
NO_REASON: Final = "The next reader of the history will ask for the reason."


@dataclass
class Clicks:
    """Takes clicks of one workspace's people, for the applications that it serves."""

    app: ChatApp
    team: str
    """The workspace's id. Who is of another one (a shared channel) is nobody that a policy means."""
    open_world: Callable[[str], World]
    """The world of an application, with the chat that its messages stand in."""
    applications: Callable[[], Collection[str]]
    say: Callable[[str], None]
    stop: threading.Event = field(default_factory=threading.Event)
    failed: TokenRefused | None = None
    """Why nothing can be answered any more."""
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "flipgate-click"))

    def take(self, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Takes what Slack sends, and returns at once what it is acknowledged with. One that is sent again is one."""
        click = read_click(payload)
        if click is None:
            return None
        if click.reason == "":
            return {"response_action": "errors", "errors": {REASON: NO_REASON}}
        if click.once not in self._seen:
            self._seen[click.once] = None
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
            self._pool.submit(self._answered, click)
        return None

    def finish(self) -> None:
        """Waits for what was taken."""
        self._pool.shutdown(wait=True)

    def put_right(self) -> None:
        """Has the messages that were decided on meanwhile, by whichever door, say so. Never raises: what fails is tried
        again, clicks are heard meanwhile, and one application keeps up no other."""
        try:
            served = self.applications()
        except Exception as error:
            self.say(f"messages that asked could not be looked at: {_words(error)}")
            return
        for application in served:
            try:
                self._put_right(application)
            except Exception as error:
                self.say(f"{application}: messages that asked could not be looked at: {_words(error)}")

    def _put_right(self, application: str) -> None:
        world = self.open_world(application)
        if record := world.store.find():
            say_what_became(world, record)

    def _answered(self, click: Click) -> None:
        try:
            self._act(click)
        except FlipgateError as error:
            self._refuse(click, error)
        except Exception as error:  # a bug: who has clicked must not take silence for a yes
            self._refuse(click, FlipgateError(f"flipgate failed ({type(error).__name__})"))

    def _act(self, click: Click) -> None:
        world, record = self._look(click)
        if click.reason is not None and _said_already(record, click):
            return
        who = Speaker(click.name, slack_caller(click.member, click.team, click.name))
        if click.team != self.team or who.caller is None:
            raise Refused(
                "is not a member of the workspace that this app belongs to", obj=who.name, reason=Why.NOT_AN_APPROVER
            )
        question = self._need_open(world, record, click)
        who = self._with_groups(who, click, question)
        approval = approvals.approval_of(question, click.decision, who, VIA, click.reason or "", world.now())
        approvals.need_in_time(question, click.decision, world.now())
        approvals.answer(record, approval)  # what the record would say to it
        if click.reason is None:
            self.app.open_form(click.trigger, form(click, question))
            return
        question = decide(world, click.decision, by=who, via=VIA, reason=click.reason, only=question)
        self.say(f"{world.application.name}: {click.decision} by {who.name} for {question.id}")
        self._show(world, click)
        if note := wake(world, question, click.decision, click.reason, who.name):
            self.say(f"{world.application.name}: the decision is recorded. {note}")

    def _look(self, click: Click) -> tuple[World, Record]:
        """The world and the record of the application that the click names. Raises Refused for one that is not served
        here, and for a message in another channel than the application's."""
        name = click.about.application
        if name not in self.applications():
            raise Refused("no application of this name is served here", reason=Why.NO_QUESTION, untouched="everything")
        world = self.open_world(name)
        record = world.store.read()
        channel = world.application.spec.announce.slack_channel or ""
        known = any((m.channel, m.question) == (click.about.channel, click.about.question) for m in record.in_chat)
        if not known and not click.stands_in(channel):
            raise Refused("this is not the channel of the application", obj=name, reason=Why.NO_QUESTION)
        return world, record

    def _need_open(self, world: World, record: Record, click: Click) -> Question:
        """The question, where it is open still. Else the message says from now on what became of it."""
        asked, question = click.about.question, record.question
        revokes = click.decision is Decision.REJECT  # a yes that no move has used; `answer` knows
        if question and question.id == asked and (revokes or approvals.answered(record) is None):
            return question
        self._show(world, click)
        raise Refused(_became(record, click), reason=Why.QUESTION_GONE)

    def _show(self, world: World, click: Click) -> None:
        """Has the messages say what became of the question; the clicked one, too, where nobody remembers it: it was
        posted right before a crash, or long ago. Never raises: what was decided stands."""
        try:
            record = say_what_became(world, world.store.read())
            known = any(message.message == click.about.message for message in record.in_chat)
            if world.chat and click.about.message and not known:
                text = f"{world.application.name}, question {click.about.question}:"
                shown = told(text, _became(record, click))
                world.chat.update(click.about.channel, click.about.message, *shown)
        except FlipgateError as error:
            self.say(f"a message that asked has its buttons still: {_words(error)}")

    def _with_groups(self, who: Speaker, click: Click, question: Question) -> Speaker:
        """Who it is, with those of the policy's user groups that they are in: asked only where it counts. Raises where
        Slack does not say who is in one: unknown is no yes."""
        may = question.who_may
        if click.decision is not Decision.APPROVE or may is None or click.member in may.slack:
            return who
        groups = frozenset(group for group in may.slack_groups if click.member in self.app.members_of(group))
        return Speaker(who.claimed, slack_caller(click.member, click.team, click.name, groups))

    def _refuse(self, click: Click, error: FlipgateError) -> None:
        """Tells who has clicked, and nobody else, why nothing came of it, and how it is done by command."""
        if isinstance(error, TokenRefused):
            self.failed = error
            self.stop.set()
        self.say(f"{click.about.application}: {click.decision} by {click.member} came to nothing: {_words(error)}")
        sure = click.reason is None or isinstance(error, (Refused, PermanentError, BadInput))
        what = "nothing was recorded" if sure else "it is not known whether this was recorded"
        text = slack(f"{choice_of(click.decision).label}: {what}. {_words(error)}", LONGEST_SECTION)
        known = click.about.application in self._served()
        by_command = f" By command: {self._command(click, error)}" if known else ""
        try:
            self.app.answer(
                click.about.channel, click.about.thread, click.member, f"{text}{by_command}", self.stop.wait
            )
        except FlipgateError as failed:
            self.say(f"{click.about.application}: and they could not be told: {_words(failed)}")

    def _command(self, click: Click, error: FlipgateError) -> str:
        """The same by command; with what has to be ticked, where the cluster has just answered."""
        name, question = click.about.application, None
        if isinstance(error, (Refused, BadInput)):
            with suppress(FlipgateError):
                question = self.open_world(name).store.read().question
        return command(name, click.decision, question if question and question.id == click.about.question else None)

    def _served(self) -> Collection[str]:
        try:
            return self.applications()
        except FlipgateError:
            return ()


def _became(record: Record, click: Click) -> str:
    return in_chat.decided(record, click.about.question) or in_chat.over(record, click.about.question)


def _said_already(record: Record, click: Click) -> bool:
    """Whether this person has said just this: Slack has sent the form again, to another process too."""
    given = record.approval
    if given is None or given.identity is None or given.question != click.about.question:
        return False
    return (given.decision, given.identity.member) == (click.decision, click.member)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, FlipgateError) else type(error).__name__

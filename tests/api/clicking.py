"""People who click in Slack, and `flipgate slack`, which hears them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from flipgate.adapters.chat import Chat
from flipgate.adapters.chat_app import ChatApp
from flipgate.cli import slack as command
from flipgate.cli._options import ClusterOptions
from flipgate.core.record import approvals
from flipgate.core.record.record import Approval, Question
from flipgate.core.values.base import but
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.who import Identity
from flipgate.steps.acting.outbox import deliver
from flipgate.steps.acting.world import World
from tests.api.desk import DARK, Desk, question, release
from tests.api.shop import Shop
from tests.slack import APP, BOT, Slack, serving

MEMBER = {"id": "U1", "username": "ana", "name": "ana", "team_id": "T1"}
ANA = Identity(user="U1 / ana", door="Slack identity", team="T1")
ENOUGH_SECONDS = 20.0


@contextmanager
def speaking() -> Iterator[Slack]:
    """A Slack that takes our tokens and no others."""
    with serving() as slack:
        slack.tokens = frozenset({BOT, APP})
        yield slack


def dark_desk(shop: Shop) -> Desk:
    """Of an application with a channel, whose release is dark."""
    desk = Desk(shop)
    desk.store.write_application(shop.text + "  announce: {slackChannel: '#releases'}\n")
    desk.store.update(lambda record: but(record, release=release(*DARK)))
    return desk


def world_of(desk: Desk, slack: Slack, *, buttons: bool = True) -> World:
    world = desk.shop.world()
    world.application = desk.store.application()
    world.chat = Chat(channel="#releases", token=BOT, base_url=slack.url, buttons=buttons)
    return world


def ask(desk: Desk, slack: Slack, *, buttons: bool = True, **facts: Any) -> Question:
    """A question that is posed and told, as a flow does it."""
    release_name = desk.store.read().releases[0].name
    asked = question(**{"release": release_name, "changes": ("web: shop/web:1 to shop/web:2",), **facts})
    world = world_of(desk, slack, buttons=buttons)
    deliver(world, desk.store.update(lambda record: approvals.pose(but(record, outbox=()), asked)))
    return asked


@dataclass
class Hearing:
    """One `flipgate slack`."""

    stop: threading.Event = field(default_factory=threading.Event)
    said: list[str] = field(default_factory=list)
    failed: list[FlipgateError] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self, desk: Desk, slack: Slack, kubeconfig: Path | None) -> None:
        options = ClusterOptions(str(kubeconfig or desk.shop.kubeconfig), None, desk.shop.own)
        try:
            command.hear(options, (desk.name,), ChatApp(BOT, APP, slack.url), self.stop, self.said.append)
        except FlipgateError as error:
            self.failed.append(error)
        finally:
            self.ended.set()


@contextmanager
def hearing(desk: Desk, slack: Slack, count: int = 1, kubeconfig: Path | None = None) -> Iterator[Hearing]:
    """As many processes that hear clicks, connected; the last one is given."""
    with ExitStack() as stack:
        for number in range(count):
            one = Hearing()
            thread = threading.Thread(target=one.run, args=(desk, slack, kubeconfig))
            thread.start()
            stack.callback(thread.join)
            stack.callback(one.stop.set)
            slack.until(lambda number=number: len(slack.links) > number, "a connection")
        yield one


def click(slack: Slack, choice: str = "approve", *, message: int = -1, **facts: Any) -> dict[str, Any]:
    """A click on a button of a message that was posted, as Slack tells of it."""
    number = range(len(slack.posted))[message]
    (actions,) = (block for block in slack.posted[number]["blocks"] if block["type"] == "actions")
    (button,) = (each for each in actions["elements"] if each["action_id"] == f"flipgate.{choice}")
    return {
        "type": "block_actions",
        "user": MEMBER,
        "team": {"id": "T1"},
        "trigger_id": uuid4().hex,
        "channel": {"id": "C1", "name": "releases"},
        "message": {"ts": f"1700000000.{number + 1:06}"},
        "actions": [{key: button[key] for key in ("action_id", "type", "value")}],
        **facts,
    }


def form(slack: Slack, reason: str = "quiet", **facts: Any) -> dict[str, Any]:
    """The newest form, filled in and sent off."""
    view = slack.until(lambda: slack.forms[-1:], "a form")[0]
    values = {"reason": {"reason": {"value": reason}}}
    sent = {**view, "id": f"V{len(slack.forms)}", "state": {"values": values}}
    return {"type": "view_submission", "user": MEMBER, "team": {"id": "T1"}, "view": sent, **facts}


def send(slack: Slack, payload: dict[str, Any]) -> dict[str, Any]:
    return slack.send(payload, uuid4().hex)


def decide(slack: Slack, choice: str = "approve", reason: str = "quiet") -> None:
    send(slack, click(slack, choice))
    send(slack, form(slack, reason))


def told(slack: Slack, count: int = 1) -> str:
    """What one person alone is shown, once so many answers came."""
    return str(slack.until(lambda: slack.told[count - 1 :], "an answer")[0]["text"])


def recorded(desk: Desk, slack: Slack) -> Approval:
    """The decision, once the message says it."""
    slack.until(lambda: slack.updated, "an update")
    approval = desk.store.read().approval
    assert approval
    return approval


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [block for block in message["blocks"] if block["type"] == "actions"]

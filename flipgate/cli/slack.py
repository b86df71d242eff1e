"""`flipgate slack`: hears Slack's buttons, so that people decide where they are asked."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import ClusterOptions, cluster_options, say

if TYPE_CHECKING:
    from flipgate.adapters.chat_app import ChatApp
    from flipgate.steps.acting.world import World

SWEEP_SECONDS = 10.0
"""How soon a message says what was decided by another door."""


@click.command(
    cls=Verb,
    details={
        "Environment": """\
            SLACK_BOT_TOKEN   the bot's token (xoxb-...): chat:write; for a policy's slackGroup usergroups:read
            SLACK_APP_TOKEN   the app-level token (xapp-...): connections:write
            PREFECT_API_URL   the server whose waiting runs are woken; without it they find a decision later"""
    },
    examples="""\
        flipgate slack                       for all applications
        flipgate slack sportsdata -n flipgate""",
)
@click.argument("apps", nargs=-1, metavar="[APP...]")
@click.option("--slack-url", default="", metavar="URL", help="Slack's API, where it is not https://slack.com/api/.")
@cluster_options
def slack(options: ClusterOptions, apps: tuple[str, ...], slack_url: str) -> None:
    """Hear the buttons of messages in Slack, until it is stopped.

    It connects to Slack by Socket Mode: nothing here has a public address. A click on Approve or Reject opens a form
    for the reason; the decision goes into the record as by `flipgate approve` and `flipgate reject`, under the member's
    id, and the message says from then on who decided what. Messages get buttons where the Flipgate Chat block says
    `buttons`.

    Several of them at once do no harm. It ends with 1 where it can never hear anything: a token that Slack refuses, or
    Socket Mode turned off. docs/slack.md has it all.
    """
    from flipgate.adapters.chat_app import BASE_URL, ChatApp

    bot, own = (os.environ.get(name, "").strip() for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"))
    app, stop = ChatApp(bot, own, slack_url or BASE_URL), threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    hear(options, apps, app, stop, say)


def hear(
    options: ClusterOptions, apps: tuple[str, ...], app: ChatApp, stop: threading.Event, say: Callable[[str], None]
) -> None:
    """Hears clicks until `stop`. Raises NotFound for an application that is not there, PermanentError where no click
    will ever come."""
    from flipgate.adapters.chat import Chat
    from flipgate.adapters.envelopes import listen, refused_token, until_answered
    from flipgate.adapters.store import applications
    from flipgate.steps.releasing.clicks import Clicks

    def open_world(name: str) -> World:
        world = options.world(name)
        channel = world.application.spec.announce.slack_channel or ""
        world.chat = Chat(channel=channel, token=app.bot_token, base_url=app.base_url, buttons=True)
        return world

    for name in apps:
        options.world(name)
    team = until_answered(app.team, "SLACK_BOT_TOKEN", say, stop)
    served = (lambda: apps) if apps else (lambda: applications(options.cluster(), options.namespace))
    clicks = Clicks(app, team, open_world, served, say, stop)

    def sweep() -> None:
        clicks.put_right()
        while not stop.wait(SWEEP_SECONDS):
            clicks.put_right()

    sweeping = threading.Thread(target=sweep, name="flipgate-sweep", daemon=True)
    sweeping.start()
    try:
        listen(app, clicks.take, say, stop)
    finally:
        stop.set()
        clicks.finish()
        sweeping.join()
    if clicks.failed:
        raise refused_token(clicks.failed, "SLACK_BOT_TOKEN")

"""Slack, for who hears clicks: what the app asks of it by its two tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any

from flipgate.adapters.chat import is_address
from flipgate.adapters.web_api import RateLimited, WebApi
from flipgate.core.values.errors import BadInput, TemporaryError
from flipgate.core.values.foreign import printable
from flipgate.core.values.frozen import dataclass

BASE_URL = "https://slack.com/api/"
PATIENCE_SECONDS = 60.0
"""How long an answer to somebody's click may be put off, when Slack is asked too much."""
TRIES = 3


@dataclass(frozen=True)
class ChatApp:
    """One Slack app in one workspace. Raises BadInput for tokens that cannot be what they are given as, unsaid."""

    bot_token: str = field(repr=False)
    app_token: str = field(repr=False)
    base_url: str = BASE_URL

    def __post_init__(self) -> None:
        if not is_address(self.base_url):
            raise BadInput(
                f"is not an address like {BASE_URL}",
                obj=f"Slack's API {printable(self.base_url)}",
                next_command="flipgate slack, without --slack-url, asks Slack itself",
            )
        for name, token, begins in (
            ("SLACK_BOT_TOKEN", self.bot_token, "xoxb-"),
            ("SLACK_APP_TOKEN", self.app_token, "xapp-"),
        ):
            if not token.startswith(begins) or not token.isprintable() or " " in token:
                raise BadInput(
                    f"is not a token that begins with {begins} (it is a secret, and not shown)",
                    obj=name,
                    next_command="docs/slack.md says where Slack shows it",
                )

    @property
    def _bot(self) -> WebApi:
        return WebApi(self.bot_token, self.base_url)

    def team(self) -> str:
        """The id of the workspace that the bot's token belongs to. Raises as WebApi.call does."""
        return str(self._bot.call("auth_test").get("team_id", ""))

    def socket_url(self) -> str:
        """Where a new connection is opened; the address holds a secret. Raises as WebApi.call does."""
        answer = WebApi(self.app_token, self.base_url).call("apps_connections_open", app_token=self.app_token)
        url = str(answer.get("url", ""))
        if not url.startswith("ws" + self.base_url.removeprefix("http").partition("/")[0]):
            raise TemporaryError("names no address to connect to that is as safe as its own", obj="Slack")
        return url

    def open_form(self, trigger: str, form: dict[str, Any]) -> None:
        """Shows a form to who has just clicked. Raises as WebApi.call does: it is too late after three seconds."""
        self._bot.call("views_open", trigger_id=trigger, view=form)

    def answer(self, channel: str, thread: str, user: str, text: str, wait: Callable[[float], object]) -> None:
        """Says something to one person, in the thread they have clicked in; nobody else sees it. Waits (by `wait`) for
        as long as Slack wants to be left alone, where that is not too long. Raises as WebApi.call does."""
        said = {"channel": channel, "user": user, "text": text, "thread_ts": thread or None}
        for left in reversed(range(TRIES)):
            try:
                self._bot.call("chat_postEphemeral", **said)
                return
            except RateLimited as limited:
                if not left or limited.seconds > PATIENCE_SECONDS:
                    raise
                wait(limited.seconds)

    def members_of(self, group: str) -> frozenset[str]:
        """The ids of who is in a user group. Raises as WebApi.call does."""
        users = self._bot.call("usergroups_users_list", usergroup=group).get("users")
        if not isinstance(users, list):
            raise TemporaryError(f"does not say who is in the user group {group}", obj="Slack")
        return frozenset(str(each) for each in users)

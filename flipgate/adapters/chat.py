"""Slack, by slack-sdk: a bot token (`chat.postMessage`, threads) or an incoming webhook (no threads).

A failed message never fails a release: callers keep it in the outbox and tell it later. No message of ours ever holds
a webhook's address or a token: the address is the secret, and the SDK's own errors quote both.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flipgate.adapters.web_api import NO_RETRIES, TIMEOUT_SECONDS, WebApi, guarded, refusal
from flipgate.core.values.errors import BadInput
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.text import cut

LONGEST_TEXT = 35_000
LONGEST_BLOCK_TEXT = 2_900
"""In characters, below what Slack takes (40,000 and 3,000)."""


class Posted(NamedTuple):
    """Where a message stands: its thread, its channel's id, its own number. Empty where nobody says it."""

    thread: str
    channel: str = ""
    message: str = ""


NOWHERE = Posted("")


@dataclass(frozen=True)
class Chat:
    """One channel. With `token` and `channel` the Web API is used, with `webhook_url` the webhook.

    Raises BadInput for a webhook address that cannot be one, without saying it.
    """

    channel: str = ""
    token: str = field(default="", repr=False)
    webhook_url: str = field(default="", repr=False)
    base_url: str = "https://slack.com/api/"
    buttons: bool = False
    """Whether somebody hears clicks (`flipgate slack`): messages that ask have buttons then."""

    def __post_init__(self) -> None:
        if self.webhook_url and not is_address(self.webhook_url):
            raise BadInput(
                "is not an address like https://HOST/PATH (it is a secret, and not shown)",
                obj="Slack webhook",
                next_command="copy the webhook's address from Slack again, without blanks or line ends",
            )

    @property
    def changes_messages(self) -> bool:
        """Whether a message can be changed once it stands there: none by a webhook can."""
        return bool(self.token) and not self.webhook_url

    @property
    def asks_by_buttons(self) -> bool:
        """Whether messages that ask have buttons, which go once somebody has decided."""
        return self.buttons and self.changes_messages

    def post(self, text: str, blocks: list[dict[str, Any]], *, thread: str = "") -> Posted:
        """Sends one message and returns where it stands (nowhere that is known, for webhooks).

        Raises PermanentError when Slack will never take this message, TemporaryError for everything else.
        """
        text, blocks = cut(text, LONGEST_TEXT), [_fitting(block) for block in blocks]
        if self.webhook_url:
            return guarded(lambda: self._post_webhook(text, blocks))
        answer = self.api.call(
            "chat_postMessage",
            channel=self.channel,
            text=text,
            blocks=blocks,
            thread_ts=thread or None,
            unfurl_links=False,
        )
        number = str(answer["ts"])
        return Posted(thread or number, str(answer.get("channel") or self.channel), number)

    def update(self, channel: str, message: str, text: str, blocks: list[dict[str, Any]]) -> None:
        """Changes a message. Raises as `post` does: PermanentError for one that can't be changed any more."""
        blocks = [_fitting(block) for block in blocks]
        self.api.call("chat_update", channel=channel, ts=message, text=cut(text, LONGEST_TEXT), blocks=blocks)

    @property
    def api(self) -> WebApi:
        return WebApi(self.token, self.base_url)

    def _post_webhook(self, text: str, blocks: list[dict[str, Any]]) -> Posted:
        from slack_sdk.webhook import WebhookClient

        client = WebhookClient(self.webhook_url, timeout=TIMEOUT_SECONDS, retry_handlers=NO_RETRIES)
        answer = client.send(text=text, blocks=blocks)
        if answer.status_code != 200:
            raise refusal(answer.body.strip(), f"HTTP {answer.status_code}")
        return NOWHERE


def _fitting(block: dict[str, Any]) -> dict[str, Any]:
    inner = block.get("text")
    if not isinstance(inner, dict):
        return block
    return {**block, "text": {**inner, "text": cut(str(inner.get("text", "")), LONGEST_BLOCK_TEXT)}}


def is_address(url: str) -> bool:
    """Whether something can be asked there by HTTP at all."""
    if any(not char.isprintable() or char.isspace() for char in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False

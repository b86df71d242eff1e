"""Slack, by slack-sdk: a bot token (`chat.postMessage`, threads) or an incoming webhook (no threads).

A failed message never fails a release: callers keep it in the outbox and tell it later. No message of ours ever holds
a webhook's address or a token: the address is the secret, and the SDK's own errors quote both.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flipgate.core.values.errors import BadInput, FlipgateError, PermanentError, TemporaryError
from flipgate.core.values.text import cut

TIMEOUT_SECONDS = 5
NO_RETRIES: list[Any] = []
"""The SDK waits and tries again by itself, and a release waits with it; the outbox tells it again anyway."""
LONGEST_TEXT = 35_000
LONGEST_BLOCK_TEXT = 2_900
"""In characters, below what Slack takes (40,000 and 3,000)."""

REFUSED_FOR_CONTENT = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_payload", "msg_blocks_too_long", "msg_too_long", "no_text"}
)
"""Slack's words for a message that it will never take, however often it is sent."""

# The SDK logs the request body, token and all, at debug, and each failure as an error of its own: ours says it already.
logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Chat:
    """One channel. With `token` and `channel` the Web API is used, with `webhook_url` the webhook.

    Raises BadInput for a webhook address that cannot be one, without saying it.
    """

    channel: str = ""
    token: str = field(default="", repr=False)
    webhook_url: str = field(default="", repr=False)
    base_url: str = "https://slack.com/api/"

    def __post_init__(self) -> None:
        if self.webhook_url and not _is_address(self.webhook_url):
            raise BadInput(
                "is not an address like https://HOST/PATH (it is a secret, and not shown)",
                obj="Slack webhook",
                next_command="copy the webhook's address from Slack again, without blanks or line ends",
            )

    def post(self, text: str, blocks: list[dict[str, Any]], *, thread: str = "") -> str:
        """Sends one message and returns the thread it stands in (empty for webhooks).

        Raises PermanentError when Slack will never take this message, TemporaryError for everything else.
        """
        text, blocks = cut(text, LONGEST_TEXT), [_fitting(block) for block in blocks]
        try:
            return self._post_webhook(text, blocks) if self.webhook_url else self._post_api(text, blocks, thread)
        except FlipgateError:
            raise
        except Exception as error:  # any at all: a release does not fail for a chat
            kind = type(error).__name__
        # Out here, so that no traceback of ours shows the SDK's error, which may quote the address or the token.
        raise TemporaryError(f"could not be told: {kind}", obj="Slack")

    def _post_api(self, text: str, blocks: list[dict[str, Any]], thread: str) -> str:
        from slack_sdk import WebClient
        from slack_sdk.errors import SlackApiError

        client = WebClient(self.token, base_url=self.base_url, timeout=TIMEOUT_SECONDS, retry_handlers=NO_RETRIES)
        try:
            answer = client.chat_postMessage(
                channel=self.channel, text=text, blocks=blocks, thread_ts=thread or None, unfurl_links=False
            )
        except SlackApiError as error:
            said = str(error.response["error"])
        else:
            return thread or str(answer["ts"])
        raise _refusal(said, said)

    def _post_webhook(self, text: str, blocks: list[dict[str, Any]]) -> str:
        from slack_sdk.webhook import WebhookClient

        client = WebhookClient(self.webhook_url, timeout=TIMEOUT_SECONDS, retry_handlers=NO_RETRIES)
        answer = client.send(text=text, blocks=blocks)
        if answer.status_code != 200:
            raise _refusal(answer.body.strip(), f"HTTP {answer.status_code}")
        return ""


def _fitting(block: dict[str, Any]) -> dict[str, Any]:
    inner = block.get("text")
    if not isinstance(inner, dict):
        return block
    return {**block, "text": {**inner, "text": cut(str(inner.get("text", "")), LONGEST_BLOCK_TEXT)}}


def _refusal(said: str, shown: str) -> FlipgateError:
    if said in REFUSED_FOR_CONTENT:
        return PermanentError(f"will never take this message: {said}", obj="Slack")
    return TemporaryError(f"refused the message: {cut(shown, 80)}", obj="Slack")


def _is_address(url: str) -> bool:
    if any(not char.isprintable() or char.isspace() for char in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False

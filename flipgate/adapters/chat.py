"""Slack, by slack-sdk: a bot token (`chat.postMessage`, threads) or an incoming webhook (no threads).

A failed message never fails a release: callers keep it in the outbox and tell it later.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from flipgate.core.errors import TemporaryError

TIMEOUT_SECONDS = 5
# The SDK logs the request body, token and all, at debug, and each failure as an error of its own: ours says it already.
logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Chat:
    """One channel. With `token` and `channel` the Web API is used, with `webhook_url` the webhook."""

    channel: str = ""
    token: str = field(default="", repr=False)
    webhook_url: str = field(default="", repr=False)
    base_url: str = "https://slack.com/api/"

    def post(self, text: str, blocks: list[dict[str, object]], *, thread: str = "") -> str:
        """Sends one message and returns the thread it stands in (empty for webhooks). Raises TemporaryError."""
        try:
            return self._post_webhook(text, blocks) if self.webhook_url else self._post_api(text, blocks, thread)
        except OSError as error:
            raise TemporaryError(f"could not be reached: {type(error).__name__}", obj="Slack") from error

    def _post_api(self, text: str, blocks: list[dict[str, object]], thread: str) -> str:
        from slack_sdk import WebClient
        from slack_sdk.errors import SlackApiError

        client = WebClient(self.token, base_url=self.base_url, timeout=TIMEOUT_SECONDS)
        try:
            answer = client.chat_postMessage(
                channel=self.channel, text=text, blocks=blocks, thread_ts=thread or None, unfurl_links=False
            )
        except SlackApiError as error:
            raise TemporaryError(f"refused the message: {error.response['error']}", obj="Slack") from error
        return thread or str(answer["ts"])

    def _post_webhook(self, text: str, blocks: list[dict[str, object]]) -> str:
        from slack_sdk.webhook import WebhookClient

        answer = WebhookClient(self.webhook_url, timeout=TIMEOUT_SECONDS).send(text=text, blocks=blocks)
        if answer.status_code != 200:
            raise TemporaryError(f"refused the message: HTTP {answer.status_code}", obj="Slack webhook")
        return ""

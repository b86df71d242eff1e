"""Slack's Web API, by slack-sdk: one call, and what its answer means.

No message of ours ever holds a token or an address with a secret in it: the SDK's own errors quote both.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, TypeVar

from flipgate.core.values.errors import FlipgateError, PermanentError, TemporaryError
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.text import cut

TIMEOUT_SECONDS = 5
NO_RETRIES: list[Any] = []
"""The SDK waits and tries again by itself, and a release waits with it; the outbox tells it again anyway."""
RETRY_SECONDS = 30.0
"""Where Slack is asked too much, and does not say how long it wants to be left alone."""

REFUSED_FOR_CONTENT = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_payload", "msg_blocks_too_long", "msg_too_long", "no_text"}
)
"""Slack's words for a message that it will never take, however often it is sent."""
NOT_CHANGED = frozenset({"cant_update_message", "edit_window_closed", "message_not_found"})
"""The same for a change of one."""
TOKEN_REFUSED = frozenset(
    {"account_inactive", "invalid_auth", "not_allowed_token_type", "not_authed", "token_expired", "token_revoked"}
)
"""Slack's words for a token that is none, or none any more."""

# The SDK logs the request body, token and all, at debug, and each failure as an error of its own: ours says it already.
logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)

T = TypeVar("T")


class RateLimited(TemporaryError):  # noqa: N818
    """Slack is asked too much: `seconds` is how long it wants to be left alone."""

    def __init__(self, fact: str, *, seconds: float = RETRY_SECONDS, **about: Any) -> None:
        super().__init__(fact, **about)
        self.seconds = seconds


class TokenRefused(TemporaryError):  # noqa: N818
    """Slack takes the token no more. An operator may put another in its place: messages wait for that."""


@dataclass(frozen=True)
class WebApi:
    """Slack's methods, by one token."""

    token: str = field(repr=False)
    base_url: str

    def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Calls one of the SDK's methods, and returns Slack's answer. Raises RateLimited, TokenRefused, PermanentError
        for what Slack will never take, TemporaryError for everything else."""
        from slack_sdk import WebClient
        from slack_sdk.errors import SlackApiError

        def asked() -> Mapping[str, Any]:
            client = WebClient(self.token, base_url=self.base_url, timeout=TIMEOUT_SECONDS, retry_handlers=NO_RETRIES)
            try:
                data = getattr(client, method)(**arguments).data
            except SlackApiError as error:
                said, after = str(error.response["error"]), _retry_after(error.response.headers)
            else:
                if isinstance(data, dict):
                    return data
                said, after = "an answer without data", RETRY_SECONDS
            raise refusal(said, said, after)

        return guarded(asked)


def guarded(ask: Callable[[], T]) -> T:
    """Calls Slack: whatever goes wrong on the way is a TemporaryError."""
    try:
        return ask()
    except FlipgateError:
        raise
    except Exception as error:  # any at all: a release does not fail for a chat
        kind = type(error).__name__
    # Out here, so that no traceback of ours shows the SDK's error, which may quote the address or the token.
    raise TemporaryError(f"could not be told: {kind}", obj="Slack")


def refusal(said: str, shown: str, after: float = RETRY_SECONDS) -> FlipgateError:
    """What an answer that is no yes means."""
    if said in REFUSED_FOR_CONTENT:
        return PermanentError(f"will never take this message: {said}", obj="Slack")
    if said in NOT_CHANGED:
        return PermanentError(f"will not change this message any more: {said}", obj="Slack")
    fact = f"refused the message: {cut(shown, 80)}"
    if said == "ratelimited":
        return RateLimited(fact, seconds=after, obj="Slack")
    return TokenRefused(fact, obj="Slack") if said in TOKEN_REFUSED else TemporaryError(fact, obj="Slack")


def _retry_after(headers: Mapping[str, str]) -> float:
    found = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return min(max(float(found), 1.0), 3600.0)
    except ValueError:
        return RETRY_SECONDS

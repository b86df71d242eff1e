"""Socket Mode: Slack's clicks by a WebSocket that this side opens, so that nothing here has a public address.

https://docs.slack.dev/apis/events-api/using-socket-mode. The SDK's own client opens its connections in threads of its
own, tries again for ever where no token is any good, and at once where there are too many: here each of those is said.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from flipgate.adapters.chat_app import ChatApp
from flipgate.adapters.web_api import RateLimited, TokenRefused
from flipgate.core.values.errors import PermanentError, TemporaryError
from flipgate.core.values.foreign import NotJson, parse_json, printable

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 60.0
"""A connection that has lasted so long was none of a row that failed."""
LOOK_SECONDS: Final = 0.5
"""How often it is looked whether to stop."""
OPEN_SECONDS: Final = 10.0
ALIVE_SECONDS: Final = 20.0
"""How often the other end is asked for a sign of life, and how long it has for that."""
LONGEST_MESSAGE: Final = 1 << 20
EXPECTED: Final = frozenset({"refresh_requested", "warning"})
"""Why Slack ends a connection in its daily course: another one is opened at once."""
TURNED_OFF: Final = "link_disabled"
UNTOUCHED: Final = "all questions: they stay open"

Take = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""Takes an interaction's payload, and returns at once what it is acknowledged with: its work is done elsewhere."""


def listen(app: ChatApp, take: Take, say: Callable[[str], None], stop: threading.Event) -> None:
    """Hears clicks until `stop`, on one connection after the other. Raises PermanentError where none will come about:
    the app's token is refused, or Socket Mode is turned off."""
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        url = until_answered(app.socket_url, "SLACK_APP_TOKEN", say, stop)
        began = time.monotonic()
        why = _hear(url, take, say, stop) if url else "stopped"
        if stop.is_set():
            return
        if why == TURNED_OFF:
            raise PermanentError(
                "Socket Mode is turned off for this app (link_disabled)",
                obj="Slack",
                untouched=UNTOUCHED,
                next_command="turn Socket Mode on in the app's settings: docs/slack.md",
            )
        if time.monotonic() - began > STEADY_SECONDS or why in EXPECTED:
            pause = FIRST_PAUSE_SECONDS
        wait = 0.0 if why in EXPECTED else pause
        say(f"Slack: not connected ({why}); connecting again{f' in {wait:g} s' if wait else ''}")
        stop.wait(wait)
        pause = min(pause + wait, LONGEST_PAUSE_SECONDS)


def until_answered(ask: Callable[[], str], token: str, say: Callable[[str], None], stop: threading.Event) -> str:
    """Asks Slack until it answers, no sooner again than it wants; empty where it is stopped before. Raises
    PermanentError where it refuses the token, which is called by this name."""
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        try:
            return ask()
        except TokenRefused as refused:
            raise refused_token(refused, token) from None
        except TemporaryError as error:
            wait = error.seconds if isinstance(error, RateLimited) else pause
            say(f"Slack: not connected ({error.named_fact}); asking again in {wait:g} s")
            stop.wait(wait)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    return ""


def refused_token(refused: TokenRefused, token: str) -> PermanentError:
    """Why nothing will ever be heard: a token is none, or none any more."""
    return PermanentError(
        f"{refused.fact} ({token})",
        obj="Slack",
        untouched=UNTOUCHED,
        next_command=f"put another token into {token}, and start again: docs/slack.md says where Slack shows it",
    )


def _hear(url: str, take: Take, say: Callable[[str], None], stop: threading.Event) -> str:
    """Hears one connection, and returns why it has ended."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    try:
        with connect(
            url,
            open_timeout=OPEN_SECONDS,
            close_timeout=1,
            ping_interval=ALIVE_SECONDS,
            ping_timeout=ALIVE_SECONDS,
            max_size=LONGEST_MESSAGE,
        ) as socket:
            while not stop.is_set():
                try:
                    text = socket.recv(timeout=LOOK_SECONDS)
                except TimeoutError:
                    continue
                message = _read(text)
                if message.get("type") == "disconnect":
                    return printable(str(message.get("reason", "disconnect")))
                if message.get("type") == "hello":
                    say(f"Slack: connected ({message.get('num_connections', 1)} in all)")
                _acknowledge(socket.send, message, take)
    except (WebSocketException, OSError, ValueError) as error:  # its words may quote the address, which is a secret
        return type(error).__name__
    return "stopped"


def _read(text: str | bytes) -> Mapping[str, Any]:
    try:
        found = parse_json(text)
    except NotJson:
        return {}
    return found if isinstance(found, dict) else {}


def _acknowledge(send: Callable[[str], None], message: Mapping[str, Any], take: Take) -> None:
    """Every envelope is acknowledged, also of what nobody here wants: Slack sends it again otherwise."""
    if not isinstance(message.get("envelope_id"), str):
        return
    payload = message.get("payload")
    given = take(payload) if message.get("type") == "interactive" and isinstance(payload, dict) else None
    answer: dict[str, Any] = {"envelope_id": message["envelope_id"]}
    send(json.dumps({**answer, "payload": given} if given else answer))

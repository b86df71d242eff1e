"""What came back to one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from flipgate.core.values.foreign import NotJson, parse_json, printable

STATUS_BYTES: Final = 16_384
"""What is longer is no error of the API server's."""
SPEAKS_HTTP: Final = ("first record does not look like a TLS handshake", "server gave HTTP response to HTTPS client")
"""Go's words where TLS is begun with who speaks plain HTTP."""
_SPEAKS_HTTPS: Final = (
    b"HTTP request to an HTTPS server",  # Go
    b"HTTP request was sent to HTTPS port",  # nginx
    rb"malformed HTTP response \"\\x15\\x03",  # a TLS alert, as the API server shows it
)


class Answer(NamedTuple):
    """What came back: status, headers (names in any case), body, and the seconds from asking to the last byte.

    `unread` says why the body is not all that was sent, or not read at all; empty where it is all of it. `scheme` is
    what it was asked for by; `named`, whether TLS was begun with the host's name (SNI).
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    unread: str = ""
    scheme: str = "http"
    named: bool = False


def status_message(answer: Answer) -> str | None:
    """What the API server says in its own name in the place of whom it was to ask, by JSON of kind Status; None of any
    other answer. Traefik's errors are plain text."""
    if answer.status < 400 or len(answer.body) > STATUS_BYTES:
        return None
    try:
        found = parse_json(answer.body)
    except NotJson:
        return None
    return str(found.get("message", "")) if isinstance(found, dict) and found.get("kind") == "Status" else None


def api_servers_own(answer: Answer) -> str:
    """Says that the API server answered in the place of who was asked, with its words; empty where it did not."""
    said = status_message(answer)
    return "" if said is None else f"HTTP {answer.status} from the API server itself: {printable(said)}"


def wrong_scheme(answer: Answer) -> tuple[str, ...]:
    """What to declare, where who was asked speaks the other scheme; nothing where that is not what is wrong."""
    if answer.status < 400 or len(answer.body) > STATUS_BYTES:
        return ()
    if answer.scheme == "https":
        speaks_http = any(words in (status_message(answer) or "") for words in SPEAKS_HTTP)
        return ("that port speaks plain HTTP: declare scheme: http",) if speaks_http else ()
    speaks_https = any(words in answer.body for words in _SPEAKS_HTTPS)
    return ("that port speaks HTTPS: declare scheme: https",) if speaks_https else ()

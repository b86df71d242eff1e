"""What came back to one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


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

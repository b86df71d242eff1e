"""Reading one answer whole: within a total time, up to so many bytes, and never unpacked.

Behind the API server's proxy a pod answers, and it may answer anything: a byte now and then without end, more than
there is memory for, little that swells when it is unpacked. A time limit on each receive notices none of that.
"""

from __future__ import annotations

import http.client
import io
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from flipgate.core.values.errors import Silent
from flipgate.core.values.foreign import printable

PIECE_BYTES = 65_536


class Whole(NamedTuple):
    """One answer that has ended. `unread` says why `body` is not all that was sent; empty where it is."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    unread: str = ""


def read_whole(response: Any, most: int, *, obj: str, limit: float) -> Whole:
    """The answer whose headers have come, up to `most` bytes of its body: what is beyond is not waited for.

    A body that comes packed although nobody asked for it (gzip) is not read at all. Raises Silent, about `obj`,
    when it is not over in time (`limit` is what was given, for the message), urllib3's own errors when it is cut.
    """
    from urllib3.exceptions import ReadTimeoutError

    body = bytearray()
    try:
        if unread := packed(response):
            return Whole(response.status, response.headers, b"", unread)
        while piece := response.read1(PIECE_BYTES, decode_content=False):
            body += piece
            if len(body) > most:
                unread = f"its body has more than {most:,} bytes"
                return Whole(response.status, response.headers, bytes(body[:most]), unread)
        return Whole(response.status, response.headers, bytes(body))
    except ReadTimeoutError as error:
        fact = (
            f"answered {response.status}, and its body was not over within {limit:.3g} s ({len(body):,} bytes had come)"
        )
        raise Silent(fact, obj=obj) from error
    finally:  # where it was read to its end the connection is back in its pool already, and this does nothing to it
        response.close()
        response.release_conn()


def packed(response: Any) -> str:
    """Why this body may not be read, where it is packed; empty where it comes as it is."""
    encoding = response.headers.get("Content-Encoding", "").strip()
    if encoding.lower() in ("", "identity"):
        return ""
    return f"its body comes packed ({printable(encoding)}), and was asked for as it is"


def by_deadline(pool: Any) -> None:
    """Makes the read limit of a request hold for its whole answer, on the connections that this pool will open."""
    if not issubclass(pool.ConnectionCls, _ByDeadline):
        pool.ConnectionCls = type(pool.ConnectionCls.__name__, (_ByDeadline, pool.ConnectionCls), {})


class _ByDeadline:
    """A connection, beside urllib3's own class: the limit it has when an answer is begun is for all of it."""

    timeout: float
    response_class: Any

    def getresponse(self) -> Any:
        self.response_class = partial(_Answer, ends=time.monotonic() + self.timeout)
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:  # what a proxy answers before the next one has no such limit
            self.response_class = http.client.HTTPResponse


class _Answer(http.client.HTTPResponse):
    """An answer whose every byte comes before `ends` (monotonic), those of its headers, too."""

    def __init__(self, sock: Any, *args: Any, ends: float, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        received: Any = self.fp
        self.fp = io.BufferedReader(_Received(received.detach(), sock, ends))

    def begin(self) -> None:
        """Passes over interim answers (103 Early Hints), which a proxy hands on: the final one would be taken for the
        answer to the next request on this connection. Python's own client passes over 100 alone."""
        super().begin()
        while 100 <= self.status < 200 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()
        if self.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
            self.will_close = True  # nobody has asked for it, and what comes then is no HTTP


class _Received(io.RawIOBase):
    """What a socket receives, each time given what is left of the time."""

    def __init__(self, raw: io.RawIOBase, sock: Any, ends: float) -> None:
        self._raw, self._sock, self._ends = raw, sock, ends

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this answer is over")
        self._sock.settimeout(left)
        found: int | None = self._raw.readinto(buffer)
        return found

    def close(self) -> None:
        self._raw.close()
        super().close()

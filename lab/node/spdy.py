"""As much of SPDY/3.1 as `kubectl port-forward` speaks through its WebSocket: streams that the other side opens.

Flow control is left out, as the other side's library (github.com/moby/spdystream) leaves it out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN = 0x1
_VERSION, _CONTROL = 3, 0x80000000

# The dictionary of the header blocks (draft-mbelshe-httpbis-spdy-00, 2.6.10.1): words with their lengths, then text.
_WORDS = (
    b"options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    b"authorization cache-control connection content-base content-encoding content-language content-length "
    b"content-location content-md5 content-range content-type date etag expect expires from host if-match "
    b"if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    b"proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    b"user-agent vary via warning www-authenticate"
)
_PAIRS = b"method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin"
_TEXT = (
    b"100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    b"Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 "
    b"Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec "
    b"00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    b"application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8"
    b"charset=iso-8859-1,utf-,*,enq=0."
)
_LISTED = [word.replace(b"_", b" ") for word in (*_WORDS.split(), *_PAIRS.split())]
DICTIONARY = b"".join(struct.pack(">I", len(word)) + word for word in _LISTED) + _TEXT


@dataclass(frozen=True)
class Frame:
    """What came: `kind` is a control frame's, or 0 for data."""

    kind: int
    stream: int
    ends: bool
    data: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Framer:
    """One connection's framing. Raises ValueError or zlib.error for what is no SPDY."""

    def __init__(self) -> None:
        self._buffer = b""
        self._unpack = zlib.decompressobj(zdict=DICTIONARY)
        self._pack = zlib.compressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take in bytes: the frames that are whole with them."""
        self._buffer += data
        while len(self._buffer) >= 8:
            first, second = struct.unpack(">II", self._buffer[:8])
            size = second & 0xFFFFFF
            if len(self._buffer) < 8 + size:
                return
            body, self._buffer = self._buffer[8 : 8 + size], self._buffer[8 + size :]
            ends = bool(second >> 24 & FIN)
            yield self._control(first & 0xFFFF, ends, body) if first & _CONTROL else Frame(0, first, ends, body)

    def _control(self, kind: int, ends: bool, body: bytes) -> Frame:
        if kind == SYN_STREAM:
            return Frame(kind, _number(body, 0), ends, headers=self._headers(body[10:]))
        return Frame(kind, _number(body, 0) if len(body) >= 4 else 0, ends, body)

    def _headers(self, packed: bytes) -> dict[str, str]:
        block = self._unpack.decompress(packed)
        found, at = {}, 4
        for _ in range(_number(block, 0)):
            texts = []
            for _ in ("name", "value"):
                size = _number(block, at)
                texts.append(block[at + 4 : at + 4 + size].decode())
                at += 4 + size
            found[texts[0]] = texts[1]
        return found

    def reply(self, stream: int) -> bytes:
        """The stream is taken; without headers."""
        block = self._pack.compress(struct.pack(">I", 0)) + self._pack.flush(zlib.Z_SYNC_FLUSH)
        return _framed(SYN_REPLY, struct.pack(">I", stream) + block)


def data(stream: int, content: bytes, ends: bool = False) -> bytes:
    return struct.pack(">II", stream, len(content) | (FIN << 24 if ends else 0)) + content


def pong(ping: Frame) -> bytes:
    return _framed(PING, ping.data)


def _framed(kind: int, body: bytes) -> bytes:
    return struct.pack(">HHI", 0x8000 | _VERSION, kind, len(body)) + body


def _number(text: bytes, at: int) -> int:
    return int(struct.unpack_from(">I", text, at)[0]) & 0x7FFFFFFF

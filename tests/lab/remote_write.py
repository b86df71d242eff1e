"""Writes samples of any time into the lab's Prometheus, by its remote-write receiver."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import httpx

Sample = tuple[float, float]
"""A time in seconds since 1970, and a value."""
Series = tuple[Mapping[str, str], Iterable[Sample]]
_CHUNK = 65_536


def write(url: str, series: Iterable[Series]) -> None:
    """Each of these series, by its labels; `__name__` is one of them."""
    message = b"".join(_field(1, _series(labels, samples)) for labels, samples in series)
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    answer = httpx.post(f"{url}/api/v1/write", content=_snappy(message), headers=headers, trust_env=False)
    assert answer.is_success, answer.text


def _series(labels: Mapping[str, str], samples: Iterable[Sample]) -> bytes:
    named = (_field(1, name.encode()) + _field(2, value.encode()) for name, value in sorted(labels.items()))
    taken = (b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(int(at * 1000)) for at, value in samples)
    return b"".join([*(_field(1, label) for label in named), *(_field(2, sample) for sample in taken)])


def _field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message that has a length."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _snappy(content: bytes) -> bytes:
    """Snappy's block format, with nothing compressed."""
    chunks = (b"\xf4" + struct.pack("<H", len(chunk) - 1) + chunk for chunk in _chunks(content))
    return _varint(len(content)) + b"".join(chunks)


def _chunks(content: bytes) -> Iterator[bytes]:
    rest = iter(content)
    while chunk := bytes(islice(rest, _CHUNK)):
        yield chunk

"""Lines of container logs, through the API server's log endpoint, bounded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import Reader
from flipgate.core.values.errors import NotFound, PermanentError
from flipgate.core.workloads.failed import LINES_KEPT, end_of

TIMEOUT_SECONDS = 3.0
MOST_LINES = 5_000
MOST_BYTES = 1_048_576
"""Of one container in one look; what is beyond is not read, and that is said."""

LAST_LINES = 3
LAST_BYTES = 65_536
"""Of a container that ended: enough to say why."""

NOTHING_WRITTEN = ("is waiting to start", "does not have a host assigned", "previous terminated container")
"""Kubernetes' words for a container that has not run yet."""


class Lines(NamedTuple):
    """What a container wrote: (time as Kubernetes wrote it, line), oldest first. `cut`: there was more than is read."""

    lines: list[tuple[str, str]]
    cut: bool


def read_lines(cluster: Reader, namespace: str, pod: str, container: str, since: datetime) -> Lines:
    """What a container wrote since then (in whole seconds). Nothing for one that is gone or has not started.

    Raises FlipgateError: Forbidden without the right to get `pods/log`, TemporaryError when there is no answer.
    """
    query = {
        "container": container,
        "timestamps": "true",
        "sinceTime": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tailLines": str(MOST_LINES),
        "limitBytes": str(MOST_BYTES),
    }
    body = _read(cluster, namespace, pod, MOST_BYTES, query)
    texts = body.decode(errors="replace").split("\n")
    lines = [(when, line) for when, _, line in (text.partition(" ") for text in texts if text)]
    return Lines(lines, len(body) >= MOST_BYTES or len(lines) >= MOST_LINES)


def last_lines(
    cluster: Reader, namespace: str, pod: str, container: str, *, previous: bool, most: int = LAST_LINES
) -> list[str]:
    """What a container wrote last, `most` lines of it; `previous` of the one before that which runs. Nothing for one
    that is gone or has not started. Raises FlipgateError as `read_lines`."""
    query = {"container": container, "tailLines": str(most), "limitBytes": str(LAST_BYTES)}
    more = {"previous": "true"} if previous else {}
    body = _read(cluster, namespace, pod, LAST_BYTES, query | more)
    return [line for line in body.decode(errors="replace").split("\n") if line.strip()]


def tail(cluster: Reader, namespace: str, pod: str, container: str, *, previous: bool) -> str:
    """The same to be kept: LINES_KEPT lines, and not much of them, of the end."""
    query = {"container": container, "tailLines": str(LINES_KEPT)} | ({"previous": "true"} if previous else {})
    body = _read(cluster, namespace, pod, MOST_BYTES, query)
    return end_of(body.decode(errors="replace"))


def _read(cluster: Reader, namespace: str, pod: str, most: int, query: Mapping[str, str]) -> bytes:
    try:
        return cluster.text(f"{address('Pod', namespace, pod)}/log", most=most, timeout=TIMEOUT_SECONDS, **query)
    except NotFound:
        return b""
    except PermanentError as error:
        if any(words in error.fact for words in NOTHING_WRITTEN):
            return b""
        raise

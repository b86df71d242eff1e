"""Lines of container logs, through the API server's log endpoint, bounded."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import Reader
from flipgate.core.values.errors import NotFound, PermanentError

TIMEOUT_SECONDS = 3.0
MOST_LINES = 5_000
MOST_BYTES = 1_048_576
"""Of one container in one look; what is beyond is not read, and that is said."""

NOTHING_WRITTEN = ("is waiting to start", "does not have a host assigned")
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
    try:
        path = f"{address('Pod', namespace, pod)}/log"
        body = cluster.text(path, most=MOST_BYTES, timeout=TIMEOUT_SECONDS, **query)
    except NotFound:
        return Lines([], False)
    except PermanentError as error:
        if any(words in error.fact for words in NOTHING_WRITTEN):
            return Lines([], False)
        raise
    texts = body.decode(errors="replace").split("\n")
    lines = [(when, line) for when, _, line in (text.partition(" ") for text in texts if text)]
    return Lines(lines, len(body) >= MOST_BYTES or len(lines) >= MOST_LINES)

"""What a container wrote, kept in memory within bounds, and read as the kubelet's log endpoint serves it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LINES = 5000
LINE_LENGTH = 16_384


@dataclass(frozen=True)
class LogOptions:
    """The query of a log request, in the kubelet's words."""

    tail_lines: int | None = None
    since: datetime | None = None
    timestamps: bool = False
    follow: bool = False
    previous: bool = False
    limit_bytes: int | None = None


class LogBuffer:
    """The last lines of one run of a container."""

    def __init__(self, lines: int = LINES) -> None:
        self._lines: deque[tuple[int, datetime, str]] = deque(maxlen=lines)
        self._count = 0
        self._more = asyncio.Event()
        self.closed = False

    def write(self, line: str) -> None:
        self._lines.append((self._count, datetime.now(UTC), line[:LINE_LENGTH]))
        self._count += 1
        self._wake()

    def close(self) -> None:
        """Nothing more will come: who follows is let go."""
        self.closed = True
        self._wake()

    def read(self, options: LogOptions) -> Iterator[str]:
        """The lines kept, newest last, each with its line end."""
        wanted = [row for row in self._lines if options.since is None or row[1] >= options.since]
        if options.tail_lines is not None:
            wanted = wanted[len(wanted) - options.tail_lines :] if options.tail_lines < len(wanted) else wanted
        for _, when, line in wanted:
            yield _render(when, line, options)

    async def follow(self, options: LogOptions) -> AsyncIterator[str]:
        """The lines kept, then each new one, until the container ends."""
        seen = self._count
        for line in self.read(options):
            yield line
        while True:
            more = self._more
            for number, when, line in [row for row in self._lines if row[0] >= seen]:
                seen = number + 1
                yield _render(when, line, options)
            if self.closed:
                return
            await more.wait()

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()


def _render(when: datetime, line: str, options: LogOptions) -> str:
    if not options.timestamps:
        return line + "\n"
    return f"{when.strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z {line}\n"


def parse_options(query: dict[str, str], now: datetime) -> LogOptions:
    """Read a log request's query. Raises ValueError for what is no number or no time."""
    since = None
    if "sinceSeconds" in query:
        since = now - timedelta(seconds=int(query["sinceSeconds"]))
    elif "sinceTime" in query:
        since = datetime.fromisoformat(query["sinceTime"])
    tail = int(query["tailLines"]) if "tailLines" in query else None
    limit = int(query["limitBytes"]) if "limitBytes" in query else None
    return LogOptions(
        tail_lines=max(tail, 0) if tail is not None else None,
        since=since,
        timestamps=query.get("timestamps") == "true",
        follow=query.get("follow") == "true",
        previous=query.get("previous") == "true",
        limit_bytes=limit,
    )

"""Addresses that an application's file names, where numbers and alerts are read: one GET each, bounded in all ways.

Whoever may write the file chooses whom flipgate asks from its own place in the network. So what answers there gets no
more than the question: no redirect is followed, no proxy of the environment asked (urllib3's pools know neither), the
whole answer has one time limit and a size, nothing is unpacked, and none of its words is handed on when it is an error.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import field
from urllib.parse import parse_qs, urlencode, urlsplit

from flipgate.adapters.reading import Whole, by_deadline, read_whole
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import Unreachable
from flipgate.core.values.frozen import dataclass

TIMEOUT_SECONDS = 3.0
"""For a whole answer, from before the connection is opened to its last byte."""
MOST_BYTES = 2_097_152
"""Of an answer: one line of 11,000 points, the most that Prometheus gives, has half a million."""


@dataclass(frozen=True)
class Source:
    """An address, and what is sent as `Authorization`; without that, the user and password that stand in the address
    of a file that an older flipgate took."""

    url: str = field(repr=False)
    authorization: str = field(default="", repr=False)

    def get(self, path: str, query: Mapping[str, str | Sequence[str]]) -> Whole:
        """The answer to one question. Raises NoAnswer, SlowAnswer; nothing that they say has an address in it."""
        from urllib3 import Timeout, connection_from_url, make_headers
        from urllib3.exceptions import HTTPError
        from urllib3.exceptions import TimeoutError as SlowError

        parts = urlsplit(self.url)
        where = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if parts.netloc != where.netloc:
            headers |= make_headers(basic_auth=parts.netloc.rpartition("@")[0])
        if self.authorization:
            headers["Authorization"] = self.authorization
        try:
            with connection_from_url(where.geturl()) as pool:
                by_deadline(pool)
                answer = pool.urlopen(
                    "GET",
                    f"{where.path}{path}?{urlencode(query, doseq=True)}",
                    headers=headers,
                    timeout=Timeout(total=TIMEOUT_SECONDS),
                    retries=False,
                    redirect=False,
                    preload_content=False,
                    decode_content=False,
                )
                return read_whole(answer, MOST_BYTES, obj="", limit=TIMEOUT_SECONDS)
        except (SlowError, Unreachable) as error:
            raise SlowAnswer from error
        except (HTTPError, ValueError, OSError) as error:
            raise NoAnswer from error


def fetch(source: Source) -> Answer | str:
    """What the whole address answered; or why there is no answer, without the address."""
    parts, began = urlsplit(source.url), time.monotonic()
    root = Source(f"{parts.scheme}://{parts.netloc}", source.authorization)
    try:
        found = root.get(parts.path, parse_qs(parts.query, keep_blank_values=True))
    except SlowAnswer:
        return f"gave no answer in {TIMEOUT_SECONDS:g} s"
    except NoAnswer:
        return "cannot be reached"
    return Answer(found.status, found.headers, found.body, time.monotonic() - began, found.unread, parts.scheme)


class NoAnswer(Exception):  # noqa: N818 - an answer, not a fault
    """Nobody can be reached there."""


class SlowAnswer(Exception):  # noqa: N818 - an answer, not a fault
    """It was not over within TIMEOUT_SECONDS."""

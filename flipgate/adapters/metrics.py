"""Prometheus, by prometheus-api-client, which is imported when the first question is asked: the way back asks none.

A question never raises: a bake goes on with one unknown more. No address is ever part of an answer: it may hold a
password. Of its session the client has no more than what `Source` does: its own follows redirects, takes a proxy from
the environment, reads whatever comes, and quotes all of an error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flipgate.adapters import sources
from flipgate.core.gates.prometheus import Series, read_number, read_range, read_series, refused, warned
from flipgate.core.gates.sample import Point
from flipgate.core.values.foreign import parse_json

# The client logs what it is asked for: ours says what is wrong already.
logging.getLogger("prometheus_api_client").setLevel(logging.CRITICAL)


def ask_number(source: sources.Source, promql: str, at: float | None = None) -> tuple[float | None, str]:
    """The one number that a query gives, now or at a time (seconds since 1970); else None and the reason."""
    result, why = _asked(source, lambda prometheus: prometheus.custom_query(promql, {} if at is None else {"time": at}))
    return (None, why) if why else read_number(result)


def ask_range(
    source: sources.Source, promql: str, start: datetime, end: datetime, step: int
) -> tuple[tuple[Point, ...] | None, str]:
    """What a query gave every `step` seconds in that time, as one line; else None and the reason."""
    result, why = _asked(source, lambda prometheus: prometheus.custom_query_range(promql, start, end, str(step)))
    return (None, why) if why else read_range(result, step)


def ask_series(
    source: sources.Source, promql: str, start: datetime, end: datetime, step: int
) -> tuple[tuple[Series, ...] | None, str]:
    """All series that a query gave in that time, looked at every `step` seconds; else None and the reason."""
    result, why = _asked(source, lambda prometheus: prometheus.custom_query_range(promql, start, end, str(step)))
    return (None, why) if why else read_series(result)


def _asked(source: sources.Source, ask: Callable[[Any], Any]) -> tuple[Any, str]:
    """Prometheus' result; else the reason why there is none."""
    try:
        from prometheus_api_client.prometheus_connect import PrometheusConnect
    except ImportError as error:
        return None, f"prometheus-api-client is not installed: {error.name}"
    session: Any = _Session(source)
    try:
        with PrometheusConnect("", session=session) as prometheus:
            return ask(prometheus), ""
    except sources.SlowAnswer:
        return None, f"Prometheus gave no answer in {sources.TIMEOUT_SECONDS:g} s"
    except sources.NoAnswer:
        return None, "Prometheus cannot be reached"
    except _Refused as error:
        return None, str(error)
    except Exception as error:  # any at all: it may be no Prometheus, and a bake does not end for it
        return None, f"not a Prometheus answer ({type(error).__name__})"


class _Refused(Exception):  # noqa: N818 - an answer, not a fault
    """Why what came is no answer, in words of ours."""


class _Session:
    """What the client takes for a requests.Session."""

    verify, cert = True, None

    def __init__(self, source: sources.Source) -> None:
        self._source = source

    def request(self, *, url: str, params: Mapping[str, Any], **_: Any) -> _Given:
        """One question; `url` is its path alone. Raises _Refused for all but a whole answer of status 200."""
        whole = self._source.get(url, {name: str(value) for name, value in params.items()})
        if why := refused("Prometheus", whole.status, whole.body, whole.unread):
            raise _Refused(why)
        return _Given(whole.body)

    def mount(self, *_: Any) -> None:
        """Nothing: there are no adapters."""

    def close(self) -> None:
        """Nothing: each question has a connection of its own."""


class _Given:
    """What the client takes for a requests.Response."""

    status_code = 200

    def __init__(self, body: bytes) -> None:
        self._body = body

    def json(self) -> Any:
        answer = parse_json(self._body)
        if why := warned(answer):
            raise _Refused(why)
        return answer

"""Prometheus, by prometheus-api-client, which is imported when the first question is asked: the way back asks none.

A question never raises: a bake goes on with one unknown more. No address is ever part of an answer: it may hold a
password.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flipgate.core.gates.prometheus import read_number, read_range
from flipgate.core.gates.sample import Point, cut_reason

TIMEOUT_SECONDS = 3

# The client logs what it is asked for, and its pool each failure as a warning of its own: ours says it already.
logging.getLogger("prometheus_api_client").setLevel(logging.CRITICAL)


def ask_number(url: str, promql: str, at: float | None = None) -> tuple[float | None, str]:
    """The one number that a query gives, now or at a time (seconds since 1970); else None and the reason."""
    result, why = _asked(url, lambda prometheus: prometheus.custom_query(promql, {} if at is None else {"time": at}))
    return (None, why) if why else read_number(result)


def ask_range(url: str, promql: str, start: datetime, end: datetime, step: int) -> tuple[tuple[Point, ...] | None, str]:
    """What a query gave every `step` seconds in that time, as one line; else None and the reason."""
    result, why = _asked(url, lambda prometheus: prometheus.custom_query_range(promql, start, end, str(step)))
    return (None, why) if why else read_range(result, step)


def _asked(url: str, ask: Callable[[Any], Any]) -> tuple[Any, str]:
    """Prometheus' result; else the reason why there is none."""
    try:
        from prometheus_api_client.exceptions import PrometheusApiClientException
        from prometheus_api_client.prometheus_connect import PrometheusConnect
        from requests import exceptions
        from urllib3 import Retry
    except ImportError as error:
        return None, f"prometheus-api-client is not installed: {error.name}"
    try:
        with PrometheusConnect(url, timeout=TIMEOUT_SECONDS, retry=Retry(0, read=False)) as prometheus:
            return ask(prometheus), ""
    except exceptions.Timeout:
        return None, f"Prometheus gave no answer in {TIMEOUT_SECONDS} s"
    except exceptions.ConnectionError:
        return None, "Prometheus cannot be reached"
    except PrometheusApiClientException as error:
        return None, cut_reason(f"Prometheus said: {error}")
    except Exception as error:  # any at all: it may be no Prometheus, and a bake does not end for it
        return None, f"not a Prometheus answer ({type(error).__name__})"

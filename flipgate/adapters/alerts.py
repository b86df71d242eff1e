"""Alertmanager's API v2: which alerts fire. A question never raises: a bake goes on with one unknown more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from flipgate.core.gates.kinds.alerts import read_alerts
from flipgate.core.gates.sample import cut_reason

TIMEOUT_SECONDS = 3


def ask_alerts(url: str, labels: Mapping[str, str], since: datetime) -> tuple[tuple[list[str], list[str]] | None, str]:
    """The names of the alerts with these labels that began to fire since then, and of older ones; else None and why.

    Silenced and inhibited alerts are left out.
    """
    import httpx

    filters = [f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in sorted(labels.items())]
    query = {"active": "true", "silenced": "false", "inhibited": "false", "filter": filters}
    try:
        answer = httpx.get(f"{url}/api/v2/alerts", params=query, timeout=TIMEOUT_SECONDS, follow_redirects=True)
        if not answer.is_success:
            return None, cut_reason(f"Alertmanager said HTTP {answer.status_code}: {answer.text}")
        return read_alerts(answer.json(), since), ""
    except httpx.TimeoutException:
        return None, f"Alertmanager gave no answer in {TIMEOUT_SECONDS} s"
    except (httpx.HTTPError, httpx.InvalidURL):
        return None, "Alertmanager cannot be reached"
    except Exception as error:  # any at all: it may be no Alertmanager, and a bake does not end for it
        return None, f"not an Alertmanager answer ({type(error).__name__})"

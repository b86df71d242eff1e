"""Alertmanager's API v2: which alerts fire. A question never raises: a bake goes on with one unknown more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from flipgate.adapters import sources
from flipgate.core.gates.kinds.alerts import read_alerts
from flipgate.core.gates.prometheus import refused
from flipgate.core.values.foreign import parse_json


def ask_alerts(
    source: sources.Source, labels: Mapping[str, str], since: datetime
) -> tuple[tuple[list[str], list[str]] | None, str]:
    """The names of the alerts with these labels that began to fire since then, and of older ones; else None and why.

    Silenced and inhibited alerts are left out.
    """
    filters = [f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in sorted(labels.items())]
    query = {"active": "true", "silenced": "false", "inhibited": "false", "filter": filters}
    try:
        whole = source.get("/api/v2/alerts", query)
        if why := refused("Alertmanager", whole.status, whole.body, whole.unread):
            return None, why
        return read_alerts(parse_json(whole.body), since), ""
    except sources.SlowAnswer:
        return None, f"Alertmanager gave no answer in {sources.TIMEOUT_SECONDS:g} s"
    except sources.NoAnswer:
        return None, "Alertmanager cannot be reached"
    except Exception as error:  # any at all: it may be no Alertmanager, and a bake does not end for it
        return None, f"not an Alertmanager answer ({type(error).__name__})"

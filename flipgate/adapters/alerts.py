"""Alertmanager's API v2: which alerts fire. A question never raises: a bake goes on with one unknown more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from flipgate.adapters import sources
from flipgate.core.gates.alertmanager import Alert, read_alerts, read_silence
from flipgate.core.gates.prometheus import refused
from flipgate.core.values.foreign import parse_json

SILENCES_ASKED: Final = 3
"""Of so many silences it is asked who made them: each is a question of its own."""


def ask_alerts(source: sources.Source, labels: Mapping[str, str]) -> tuple[tuple[Alert, ...] | None, str]:
    """The alerts with these labels, and of silenced ones who did that; else None and why. Inhibited ones are left
    out."""
    filters = [f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in sorted(labels.items())]
    query = {"active": "true", "silenced": "true", "inhibited": "false", "filter": filters}
    try:
        answer, why = _asked(source, "/api/v2/alerts", query)
        return (None, why) if why else (_with_silences(source, read_alerts(answer)), "")
    except sources.SlowAnswer:
        return None, f"Alertmanager gave no answer in {sources.TIMEOUT_SECONDS:g} s"
    except sources.NoAnswer:
        return None, "Alertmanager cannot be reached"
    except Exception as error:  # any at all: it may be no Alertmanager, and a bake does not end for it
        return None, f"not an Alertmanager answer ({type(error).__name__})"


def _with_silences(source: sources.Source, found: Sequence[Alert]) -> tuple[Alert, ...]:
    """The alerts with who silenced them. Who cannot be found out is said to be unknown: silenced they are."""
    ids = list(dict.fromkeys(alert.silences[0] for alert in found if alert.silences))
    said: dict[str, str] = {}
    try:
        for silence in ids[:SILENCES_ASKED]:
            answer, why = _asked(source, f"/api/v2/silence/{quote(silence, safe='')}", {})
            if not why:
                said[silence] = read_silence(answer)
    except Exception:  # any at all: the alerts themselves are known
        said.clear()
    return tuple(
        alert._replace(silenced=said.get(alert.silences[0], alert.silenced)) if alert.silences else alert
        for alert in found
    )


def _asked(source: sources.Source, path: str, query: Mapping[str, str | Sequence[str]]) -> tuple[Any, str]:
    whole = source.get(path, query)
    why = refused("Alertmanager", whole.status, whole.body, whole.unread)
    return (None, why) if why else (parse_json(whole.body), "")

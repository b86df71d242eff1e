"""Reads Alertmanager's answers: alerts, and who silenced them until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from flipgate.core.values.foreign import printable

_LONGEST_NAME = 40
NOT_KNOWN = "by whom is not known"


class Alert(NamedTuple):
    """One alert that Alertmanager has, and that has not ended."""

    name: str
    labels: Mapping[str, str]
    began: datetime
    silences: tuple[str, ...] = ()
    """The ids of what silences it; none of one that is not silenced."""
    silenced: str = ""
    """Who silenced it, and until when; empty of one that is not silenced."""


def read_alerts(found: Any) -> tuple[Alert, ...]:
    """The alerts of an answer, sorted by their names. Raises ValueError."""
    alerts = []
    try:
        for alert in found:
            labels = {str(label): str(value) for label, value in alert["labels"].items()}
            silences = tuple(map(str, (alert.get("status") or {}).get("silencedBy") or ()))
            began = datetime.fromisoformat(alert["startsAt"])
            name = printable(labels.get("alertname", "unnamed"))
            alerts.append(Alert(name, labels, began, silences, NOT_KNOWN if silences else ""))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not an Alertmanager answer") from error
    return tuple(sorted(alerts, key=lambda alert: (alert.name, alert.began)))


def read_silence(found: Any) -> str:
    """Who made a silence, and until when it is; says so where that is not told."""
    try:
        by, until = str(found["createdBy"]) or "nobody by name", datetime.fromisoformat(found["endsAt"])
    except (KeyError, TypeError, ValueError):
        return NOT_KNOWN
    return f"by {printable(by, _LONGEST_NAME)} until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

"""A gate on Alertmanager: no alert with some labels may begin to fire after the flip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import Field

from flipgate.core.gates.kinds.kind import GateKind, Keys, Measure, Reader
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample, Limit, cut_reason
from flipgate.core.spec.metrics import Metrics
from flipgate.core.spec.traffic import TrafficSpec
from flipgate.core.values.placeholders import NAMESPACE, filled, unknown_placeholders

_LABEL_NAME = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_]*$")


class AlertsKeys(Keys):
    """The keys of a gate on alerts."""

    alerts: dict[str, str] | None = Field(
        default=None,
        min_length=1,
        description="Labels with their values ({namespace} is the new side's). No alert that has them all may begin to "
        "fire after the flip; silenced, inhibited and older ones are shown and not counted.",
    )

    @property
    def labels(self) -> dict[str, str]:
        return self.alerts or {}


class Alerts(GateKind[AlertsKeys]):
    word = "alerts"
    keys = AlertsKeys
    whom = "Alertmanager"

    def problems(self, gate: AlertsKeys) -> Iterator[str]:
        for text in gate.labels.values():
            yield from unknown_placeholders(text, (NAMESPACE,))
        for label in gate.labels:
            if not _LABEL_NAME.match(label):
                yield f'asks for the label "{label}", which no alert can have'

    def lacks(self, metrics: Metrics, traffic: TrafficSpec) -> str:
        return "" if metrics.alertmanager else "needs spec.metrics.alertmanager"

    def asked(self, gate: AlertsKeys) -> str:
        return "alerts that fire: " + ", ".join(f"{label}={value}" for label, value in sorted(gate.labels.items()))

    def of(self, gate: AlertsKeys) -> str:
        return "namespace" if any("{namespace}" in value for value in gate.labels.values()) else "time"

    def limit(self, gate: AlertsKeys) -> Limit:
        return Limit(0)

    def measure(self, gate: AlertsKeys, reader: Reader) -> Measure:
        return _Firing(gate, reader)


@dataclass
class _Firing:
    """How many alerts began to fire since the flip."""

    gate: AlertsKeys
    reader: Reader

    def __call__(self, at: float) -> GateSample:
        namespace = self.reader.namespace(self.reader.side)
        found, why = self.reader.alerts({label: filled(value, namespace) for label, value in self.gate.labels.items()})
        if found is None:
            return GateSample(at, None, why)
        new, older = found
        then = "before the flip" if self.reader.point is GatePoint.BAKE else "before that"
        beside = [*dict.fromkeys(new)] + ([f"{then}: {', '.join(dict.fromkeys(older))}"] if older else [])
        return GateSample(at, len(new), beside=cut_reason(", ".join(beside)))


def read_alerts(found: Any, since: datetime) -> tuple[list[str], list[str]]:
    """The names of the alerts that began to fire since then, and of those that fired before. Raises ValueError."""
    new: list[str] = []
    older: list[str] = []
    try:
        for alert in found:
            began = datetime.fromisoformat(alert["startsAt"])
            (new if began >= since else older).append(str(alert["labels"].get("alertname", "unnamed")))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not an Alertmanager answer") from error
    return sorted(new), sorted(older)

"""A gate on alerts: none with some labels may begin to fire after the flip, nor, where it says so, have fired and ended
since."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from flipgate.core.gates import fired
from flipgate.core.gates.alertmanager import Alert
from flipgate.core.gates.kinds.kind import GateKind, Keys, Measure, Reader, left_out
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample, Limit, cut_reason
from flipgate.core.spec.metrics import Metrics
from flipgate.core.spec.traffic import TrafficSpec
from flipgate.core.values.foreign import printable
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
    fired: Literal[True] | None = Field(
        default=None,
        exclude_if=left_out,
        description="true: alerts count, too, that fired since the flip and have ended by now, by the series ALERTS of "
        "Prometheus.",
    )
    watchdog: dict[str, str] | None = Field(
        default=None,
        min_length=1,
        exclude_if=left_out,
        description="Labels of an alert that fires always. While Alertmanager does not have it, that no alert fires is "
        "not known; with `fired`, Prometheus has to have it through all the time.",
    )

    @property
    def labels(self) -> dict[str, str]:
        return self.alerts or {}


class Alerts(GateKind[AlertsKeys]):
    word = "alerts"
    keys = AlertsKeys
    whom = "Alertmanager"
    whole = True  # one that fires since two hours fires

    def problems(self, gate: AlertsKeys) -> Iterator[str]:
        for asked in (gate.labels, gate.watchdog or {}):
            for text in asked.values():
                yield from unknown_placeholders(text, (NAMESPACE,))
            for label in asked:
                if not _LABEL_NAME.match(label):
                    yield f'asks for the label "{label}", which no alert can have'

    def lacks(self, gate: AlertsKeys, metrics: Metrics, traffic: TrafficSpec) -> str:
        if gate.fired and not metrics.prometheus:
            return "needs spec.metrics.prometheus for `fired`"
        return "" if metrics.alertmanager else "needs spec.metrics.alertmanager"

    def asked(self, gate: AlertsKeys) -> str:
        asked = f"alerts that fire{', or fired since the flip' if gate.fired else ''}: {_named(gate.labels)}"
        return f"{asked}; watchdog: {_named(gate.watchdog)}" if gate.watchdog else asked

    def of(self, gate: AlertsKeys) -> str:
        return "namespace" if any("{namespace}" in value for value in gate.labels.values()) else "time"

    def limit(self, gate: AlertsKeys) -> Limit:
        return Limit(0)

    def measure(self, gate: AlertsKeys, reader: Reader) -> Measure:
        return _Firing(gate, reader)


def _named(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{label}={value}" for label, value in sorted(labels.items()))


@dataclass
class _Firing:
    """How many alerts began to fire since the flip."""

    gate: AlertsKeys
    reader: Reader

    def __call__(self, at: float) -> GateSample:
        labels = self._filled(self.gate.labels)
        found, why = self.reader.alerts(labels)
        if found is None:
            return GateSample(at, None, why)
        silenced = [alert for alert in found if alert.silenced]
        now = [alert for alert in found if not alert.silenced]
        new = [alert for alert in now if alert.began >= self.reader.since]
        ended, lacking = self._ended(labels, found) if self.gate.fired else ([], "")
        lacking = self._watched() or lacking
        beside = [*dict.fromkeys(alert.name for alert in new), *(f"{name}, which has ended" for name in ended)]
        if older := dict.fromkeys(alert.name for alert in now if alert not in new):
            then = "before the flip" if self.reader.point is GatePoint.BAKE else "before that"
            beside.append(f"{then}: {', '.join(older)}")
        beside += dict.fromkeys(f"silenced: {alert.name} {alert.silenced}" for alert in silenced)
        value, shown = len(new) + len(ended), cut_reason(", ".join(beside))
        if lacking and not value:
            return GateSample(at, None, cut_reason("; ".join(filter(None, [lacking, shown]))))
        return GateSample(at, value, lacking, beside=shown, lacking=bool(lacking))

    def _filled(self, labels: Mapping[str, str]) -> dict[str, str]:
        namespace = self.reader.namespace(self.reader.side)
        return {label: filled(value, namespace) for label, value in labels.items()}

    def _watched(self) -> str:
        """Why Alertmanager's silence says nothing; empty where it does."""
        if not self.gate.watchdog:
            return ""
        labels = self._filled(self.gate.watchdog)
        found, why = self.reader.alerts(labels)
        return "" if found else f"the watchdog {_named(labels)} does not fire{f' ({why})' if why else ''}"

    def _ended(self, labels: Mapping[str, str], now: Iterable[Alert]) -> tuple[list[str], str]:
        """The names of alerts that fired since the flip and are not among those of now; and why that is not all."""
        over = fired.steps(self.reader.since, self.reader.now())
        found, why = self.reader.series(fired.firing(labels, over.step), over.start, over.last, over.step)
        if found is None:
            return [], why
        began = [each for each in fired.began(found, over) if not any(each.items() <= a.labels.items() for a in now)]
        names = sorted({printable(each.get("alertname", "unnamed")) for each in began})
        return names, self._seen_through(over)

    def _seen_through(self, over: fired.Steps) -> str:
        """Why Prometheus does not know of all of that time; empty where it does."""
        watchdog = self._filled(self.gate.watchdog or {})
        query = fired.firing(watchdog, over.step) if watchdog else fired.SCRAPES
        found, why = self.reader.series(query, over.start, over.end, over.step)
        if found is None:
            return why
        gap = fired.unseen(found, over)
        what = f"no watchdog {_named(watchdog)}" if watchdog else "nothing"
        return f"Prometheus has {what} of {gap}: what fired then is not known" if gap else ""

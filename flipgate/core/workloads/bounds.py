"""Judges whether an autoscaler of the dark side would take it from the counts that are wanted there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.scalers import Scaler
from flipgate.core.workloads.view import SideState

WANTED = "its bounds are around the wanted count"


def out_of_bounds(
    side: SideState, wanted: Mapping[str, int], serving: Collection[str], scalers: Iterable[Scaler]
) -> Iterator[Evidence]:
    """Yields a row for each autoscaler of the side that allows fewer pods than are wanted (it fails). Of services that
    serve, which have pods before users come, also for one that may shrink the side while nobody is there, or that
    asks for more: both are only shown."""
    counts = {name: count for name, count in sorted(wanted.items()) if count and name in side.workloads}
    known = list(scalers)
    for name, count in counts.items():
        for each in (each for each in known if each.scales(side.workloads[name])):
            if each.most < count:
                fact = f"allows {name} {each.most} pods at most, and {count} are wanted: it would take the others away"
                yield _row(side, each, Verdict.FAIL, fact, each.keeping(side.namespace, count))
            elif name not in serving:
                continue
            elif each.least < count:
                fact = f"may shrink {name} to {each.least} of {count} wanted pods while no user is there"
                yield _row(side, each, Verdict.INFO, fact, each.keeping(side.namespace, count))
            elif each.least > count:
                yield _row(side, each, Verdict.INFO, f"asks for {each.least} pods of {name}, and {count} are wanted")


def _row(side: SideState, scaler: Scaler, verdict: Verdict, fact: str, mend: str = "") -> Evidence:
    made = f" of ScaledObject {scaler.scaled_object}" if scaler.scaled_object else ""
    gate = f"HorizontalPodAutoscaler {scaler.name}{made}"
    return Evidence(gate, verdict, "minReplicas and maxReplicas", str(side.place), fact, WANTED, mend=mend)

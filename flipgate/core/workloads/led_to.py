"""What the Services lead to that routes name on a side: what a yes is bound to of them, and pods behind them that no
declared workload has made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from flipgate.core.traffic.targets import selects
from flipgate.core.values.foreign import printable
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.containers import spots
from flipgate.core.workloads.content import goes_on, labels_of
from flipgate.core.workloads.failed import owner_of
from flipgate.core.workloads.view import SideState, Workload

SAID_SHOWN: Final = 240
"""Characters of what one Service says, for a record holds that of each. One that says more ends in a hash of it all."""
POD_SHOWN: Final = 400
"""Characters of what a refusal says of one pod."""
PODS_SHOWN: Final = 5
"""Pods that a refusal names; the others are counted."""


def said_of(services: Mapping[str, Mapping[str, Any] | None]) -> dict[str, str]:
    """Returns where each of these Services leads, in words, by name. One that is not there says nothing."""
    return {name: _said(service) for name, service in sorted(services.items()) if service is not None}


def _said(service: Mapping[str, Any]) -> str:
    spec = service.get("spec") or {}
    selector = ", ".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items()))
    ports = [f"port {port['port']} to {port.get('targetPort', port['port'])}" for port in spec.get("ports") or []]
    kind = spec.get("type", "ClusterIP")
    outside = f"{kind} {spec.get('externalName', '')}".rstrip()
    return _whole("; ".join([f"selector {selector}" if selector else "no selector", *ports, outside]))


def _whole(text: str) -> str:
    shown = printable(text, SAID_SHOWN)
    return shown if shown == text else f"{shown} (sha256:{hashlib.sha256(json.dumps(text).encode()).hexdigest()[:16]})"


def led_elsewhere(asked: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Says which Services lead elsewhere than when it was asked about, as a sentence; empty where none does."""
    told = []
    for name in sorted(asked.keys() | now.keys()):
        was, leads = asked.get(name), now.get(name)
        if was is None or leads is None:
            told.append(f"Service {name}: {'added' if was is None else 'gone'} ({was or leads})")
        elif was != leads:
            told.append(f"Service {name}: {was} -> {leads}")
    return "; ".join(told)


def leads_shown(said: Mapping[str, str], *, pods_known: bool) -> list[Evidence]:
    """Returns where Services lead, for whoever is asked. Without a selector nobody can tell who answers behind it, and
    without the pods, whether all of them are the side's."""
    return [
        Evidence(
            f"service {name}",
            Verdict.UNKNOWN if leads.startswith("no selector") or not pods_known else Verdict.INFO,
            "Service that routes name, and the pods behind it",
            "Kubernetes",
            leads if pods_known else f"{leads}; pods behind it could not be listed",
            "",
        )
        for name, leads in said.items()
    ]


def foreign(
    services: Mapping[str, Mapping[str, Any] | None], side: SideState, pods: Iterable[Mapping[str, Any]]
) -> str:
    """Says which pods would get users by these Services and are of no declared workload, or run another image than it
    says, as a sentence; empty where there are none. Pods that have ended, or are told to, get nobody."""
    told = list(_foreign(services, side, pods))
    more = f"; and {len(told) - PODS_SHOWN} more" if len(told) > PODS_SHOWN else ""
    return "; ".join(told[:PODS_SHOWN]) + more


def _foreign(
    services: Mapping[str, Mapping[str, Any] | None], side: SideState, pods: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    for pod in filter(goes_on, pods):
        labels = pod["metadata"].get("labels") or {}
        names = [name for name, each in sorted(services.items()) if each is not None and selects(each, labels)]
        if not names:
            continue
        own = _workload_of(pod, side)
        if own is None or _other_image(pod, own):
            images = ", ".join(sorted({each.image for each in spots(pod)}))
            because = "of no declared workload" if own is None else f"not what {own} says"
            name, owner = pod["metadata"]["name"], _owner(pod)
            told = f"pod {name} (image {images}, {owner}) is behind Service {', '.join(names)}, {because}"
            yield printable(told, POD_SHOWN)


def _workload_of(pod: Mapping[str, Any], side: SideState) -> Workload | None:
    """The declared workload that a pod is of: by its owner's name, and by its labels."""
    labels, owner = (pod["metadata"].get("labels") or {}).items(), owner_of(pod)
    return next(
        (
            each
            for each in side.workloads.values()
            if each.found and each.name == owner and labels_of(each.selector) <= labels
        ),
        None,
    )


def _other_image(pod: Mapping[str, Any], workload: Workload) -> bool:
    """Whether one of a workload's containers has another image in its pod: a ReplicaSet takes over any pod with its
    labels. What an admission webhook adds makes it no other: a mirror's address before it, a digest behind its tag."""
    said = {each.name: each.image for each in spots(workload.template)}
    runs = {each.name: each.image for each in spots(pod)}
    return any(name not in runs or not _is_same(runs[name], image) for name, image in said.items())


def _is_same(runs: str, said: str) -> bool:
    pinned = runs if "@" in said else runs.partition("@")[0]
    return f"/{pinned}".endswith(f"/{said}")


def _owner(pod: Mapping[str, Any]) -> str:
    owners = [f"{each.get('kind')} {each.get('name')}" for each in pod["metadata"].get("ownerReferences") or []]
    return f"of {', '.join(owners)}" if owners else "without an owner"

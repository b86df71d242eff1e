"""What would be different with the new side's pods beside their images: live and dark pod templates, path by path.

Paths are written as people say them to `kubectl explain`. Lists whose entries have a name are compared by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flipgate.core.spec.application import Application
from flipgate.core.spec.service import Service
from flipgate.core.values.foreign import printable, without_secrets
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.containers import LISTS, released
from flipgate.core.workloads.render import GENERATED, meant
from flipgate.core.workloads.view import SideState, Workload

LINES_SHOWN: Final = 12
"""Differences of one service that are shown; the others are counted."""
VALUE_SHOWN: Final = 60
"""Characters of one value."""
CONFIGURATION: Final = "configuration"
"""What the differences of ConfigMaps are listed under: several services may read one."""
ITS_IMAGE: Final = "the release's image"

OWN_PARTS: Final = frozenset({"name", "image", "env", "envFrom", "volumeMounts", "ports"})
"""Of a container: what is compared in a way of its own."""
CONFIG_MAPS: Final = frozenset({"configMap", "configMapRef", "configMapKeyRef"})
"""Keys below which a ConfigMap is named."""


@dataclass(frozen=True)
class Difference:
    """One path at which a dark pod template says something else than the live one."""

    path: str
    was: str | None
    """As the live one says it; None where it says nothing."""
    now: str | None

    def __str__(self) -> str:
        if self.was is None or self.now is None:
            told = self.now or self.was
            return f"{self.path}: {'removed' if self.now is None else 'added'}{f' ({told})' if told else ''}"
        if self.was == self.now:  # by what is cut off, or not shown
            return f"{self.path}: changed ({self.now})"
        return f"{self.path}: {self.was} -> {self.now}"


@dataclass(frozen=True)
class Leaf:
    """What a pod template says at one path."""

    text: str
    """As it is shown: cut, and without what looks like a secret."""
    value: str
    """As it is compared."""
    within: str = ""
    """The path of the container that it is of; empty for what is the whole pod's, and for a container itself."""


Differences = Mapping[str, tuple[Difference, ...]]
"""By service, those that differ; of ConfigMaps under CONFIGURATION."""


def differences(
    application: Application,
    live: SideState,
    dark: SideState,
    settings: Mapping[str, Any],
    dark_settings: Mapping[str, Any],
) -> dict[str, tuple[Difference, ...]]:
    """Returns what the dark side's pods would have other than the live side's, and their ConfigMaps (`settings`, by
    name). Images of the release, marks of a restart, and each side's own name and namespace are left out. A service
    that the live side does not have is one difference."""
    found: dict[str, tuple[Difference, ...]] = {}
    for service in application.spec.services:
        old, new = live.workloads.get(service.name), dark.workloads[service.name]
        after = _leaves(_neutral(new, service, dark))
        if old is None or not old.found:
            names = [leaf.text for path, leaf in after.items() if path.endswith("]")]
            found[service.name] = (Difference(new.kind, None, "; ".join(names)),)
            continue
        found[service.name] = _compared(_leaves(_neutral(old, service, live)), after)
    found[CONFIGURATION] = _compared(_settings(settings, live), _settings(dark_settings, dark))
    return {name: each for name, each in found.items() if each}


def differing_lines(found: Differences) -> list[str]:
    """Returns a line for each difference; of a service that has many, how many more there are."""
    out = []
    for name, each in found.items():
        out += [f"{name}: {difference}" for difference in each[:LINES_SHOWN]]
        if more := len(each) - LINES_SHOWN:
            out += [f"{name}: {more} more differences"] if more > 0 else []
    return out


def counted(found: Differences) -> str:
    """Returns how many there are, as a sentence; empty where there are none."""
    total = sum(map(len, found.values()))
    if not total:
        return ""
    return f"Beside images, {total} difference{'s' if total > 1 else ''} from what is live: {', '.join(found)}."


def evidence_of(found: Differences) -> list[Evidence]:
    """Returns what a person is shown of it, and what the history keeps: it decides nothing."""
    whom, asked = "Kubernetes", "pod templates and ConfigMaps of both sides"
    return [
        Evidence(f"differs: {name}", Verdict.INFO, asked, whom, "; ".join(map(str, each[:LINES_SHOWN])), "")
        for name, each in found.items()
    ]


def _compared(before: Mapping[str, Leaf], after: Mapping[str, Leaf]) -> tuple[Difference, ...]:
    return tuple(
        Difference(path, was.text if was else None, now.text if now else None)
        for path in sorted(before.keys() | after.keys())
        if (was := before.get(path)) != (now := after.get(path))
        and (was is None or now is None or was.value != now.value)
        and all((leaf.within in before) == (leaf.within in after) for leaf in (was, now) if leaf)
    )


def _neutral(workload: Workload, service: Service, side: SideState) -> dict[str, Any]:
    """What a workload says of its pods, and a CronJob of when: without what is one side's own, images of the release
    and generated names."""
    template = meant(workload.template)
    template.get("metadata", {}).pop("creationTimestamp", None)
    template["spec"].pop("serviceAccount", None)  # the older name of serviceAccountName: the API server sets both
    for each in released(workload, service):
        template["spec"][each.list][each.index]["image"] = ITS_IMAGE
    whole: dict[str, Any] = _without_own({**template, "schedule": dict(workload.schedule)}, side)
    return whole


def _without_own(value: Any, side: SideState) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_own(_based(each) if key in CONFIG_MAPS else each, side) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_own(each, side) for each in value]
    if not isinstance(value, str):
        return value
    for own, word in ((side.namespace, "<namespace>"), (str(side.side), "<side>")):
        value = re.sub(rf"(?<![A-Za-z0-9]){re.escape(own)}(?![A-Za-z0-9])", word, value)
    return value


def _based(reference: Any) -> Any:
    """A reference to a ConfigMap, by the name that its generated one was made of."""
    name = reference.get("name") if isinstance(reference, Mapping) else None
    match = GENERATED.fullmatch(name) if isinstance(name, str) else None
    return {**reference, "name": match["base"]} if match else reference


def _leaves(whole: Mapping[str, Any]) -> dict[str, Leaf]:
    """What pods are made of, by path."""
    spec, meta = whole["spec"], whole.get("metadata") or {}
    found: dict[str, Leaf] = {}
    for words in ("labels", "annotations"):
        found |= {f"{words[:-1]} {key}": _leaf(value, key) for key, value in (meta.get(words) or {}).items()}
    for each in LISTS:
        containers = spec.get(each) or []
        found |= {path: leaf for container in containers for path, leaf in _container(each, container)}
        if each == LISTS[1] and len(containers) > 1:
            found["initContainers' order"] = _leaf(", ".join(c["name"] for c in containers))
    for volume in spec.get("volumes") or []:
        source = {key: value for key, value in volume.items() if key != "name"}
        found[f"volume {volume['name']}"] = Leaf(_source(source), _canonical(source))
    for secret in spec.get("imagePullSecrets") or []:
        found[f"imagePullSecret {secret['name']}"] = _leaf("")
    rest = {key: value for key, value in spec.items() if key not in {*LISTS, "volumes", "imagePullSecrets"}}
    return found | dict(_flat("", rest)) | dict(_flat("", whole["schedule"]))


def _container(kind: str, container: Mapping[str, Any]) -> Iterator[tuple[str, Leaf]]:
    own = f"{kind}[{container['name']}]"
    runs = " ".join([*(container.get("command") or []), *(container.get("args") or [])])
    shown = f"image {container.get('image', '')}{f', runs {runs}' if runs else ''}"
    yield own, Leaf(_shown(shown), own)
    for path, leaf in _parts(container):
        yield f"{own}.{path}", Leaf(leaf.text, leaf.value, own)


def _parts(container: Mapping[str, Any]) -> Iterator[tuple[str, Leaf]]:
    yield "image", _leaf(container.get("image", ""))
    for variable in container.get("env") or []:
        yield f"env {variable['name']}", _variable(variable)
    for source in container.get("envFrom") or []:
        yield f"envFrom {_reference(source)}", Leaf("", _canonical(source))
    for mount in container.get("volumeMounts") or []:
        yield f"volumeMount {mount['mountPath']}", Leaf(_shown(f"volume {_flags(mount)}"), _canonical(mount))
    for port in container.get("ports") or []:
        said = {key: value for key, value in port.items() if key not in ("containerPort", "protocol")}
        yield f"port {port['containerPort']}/{port.get('protocol', 'TCP')}", _leaf(said or "")
    yield from _flat("", {key: value for key, value in container.items() if key not in OWN_PARTS})


def _variable(variable: Mapping[str, Any]) -> Leaf:
    """Of a variable that comes from elsewhere, from where; no value of a Secret is ever read."""
    if source := variable.get("valueFrom"):
        return Leaf(_reference(source), _canonical(source))
    return _leaf(variable.get("value") or "", variable["name"])


def _reference(source: Mapping[str, Any]) -> str:
    """`secret db, key password`."""
    kinds = [key for key in source if isinstance(source[key], Mapping)]
    named = [f"{re.sub('(Key)?Ref$', '', kind)} {_flags(source[kind])}".rstrip() for kind in sorted(kinds)]
    return _shown(", ".join([*named, *(["prefix " + source["prefix"]] if source.get("prefix") else [])]))


def _flags(said: Mapping[str, Any]) -> str:
    """What one entry says, its name first."""
    rest = [f"{key} {_plain(value)}" for key, value in sorted(said.items()) if key not in ("name", "mountPath")]
    return ", ".join([*([str(said["name"])] if "name" in said else []), *rest])


def _source(source: Mapping[str, Any]) -> str:
    """`hostPath /`, `secret db`."""
    told = []
    for kind, said in sorted(source.items()):
        named = [said[key] for key in ("path", "name", "secretName", "claimName", "driver") if said.get(key)]
        told.append(f"{kind} {named[0] if named else _plain(said) if said else ''}".rstrip())
    return _shown(", ".join(told))


def _flat(path: str, value: Any) -> Iterator[tuple[str, Leaf]]:
    """Values below a path; what is empty counts as not there."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(f"{path}.{key}" if path else key, each)
    elif value is not None and value != [] and value != "":
        yield path, _leaf(value, path)


def _settings(settings: Mapping[str, Any], side: SideState) -> dict[str, Leaf]:
    """What ConfigMaps say, by their key."""
    found: dict[str, Leaf] = {}
    for name, data in settings.items():
        base = (_based({"name": name}) or {})["name"]
        base = _without_own(base, side)
        found |= {
            f"ConfigMap {base}, {key}": _leaf(_without_own(text, side), key) for key, text in (data or {}).items()
        }
    return found


def _leaf(value: Any, name: str = "") -> Leaf:
    """A value as it is shown and compared; its name may say that it is secret."""
    said = without_secrets(f"{name}={_plain(value)}").partition("=")[2]
    return Leaf(_shown(said), _canonical(value))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _canonical(value)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _shown(text: str) -> str:
    return printable(without_secrets(" ".join(text.split())), VALUE_SHOWN)

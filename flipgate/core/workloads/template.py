"""What a pod template says, path by path, as people say the paths to `kubectl explain`: what of it is shown, what is
compared, and by what of it pods get more power, or run other code.

Lists whose entries have a name are taken by name: their order says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from flipgate.core.spec.service import Service
from flipgate.core.values.foreign import printable, without_secrets
from flipgate.core.values.frozen import dataclass
from flipgate.core.workloads.containers import LISTS, released
from flipgate.core.workloads.render import GENERATED, meant
from flipgate.core.workloads.view import SideState, Workload

VALUE_READ: Final = 20_000
"""Characters of one value, of which a difference shows a part."""
ITS_IMAGE: Final = "the release's image"

POWER_OF_KEYS: Final = MappingProxyType(
    {
        "serviceAccountName": "serviceAccount",
        "automountServiceAccountToken": "serviceAccount",
        "hostNetwork": "host",
        "hostPID": "host",
        "hostIPC": "host",
        "resourceClaims": "host",
        "hostUsers": "securityContext",
        "shareProcessNamespace": "securityContext",
        "securityContext": "securityContext",
        "runtimeClassName": "runtimeClass",
        "command": "command",
        "args": "command",
        "workingDir": "command",
        "lifecycle": "command",
        "volumeDevices": "volumes",
    }
)
"""Keys of pods and containers by which one gets more power, or other code, and the word of `mayChange` that allows it.
Where a pod runs (nodeSelector, tolerations, affinity) is none: a node gives it nothing that these do not."""
HARMLESS_SOURCES: Final = frozenset({"emptyDir", "configMap", "downwardAPI"})
"""Of volumes: nothing of the node, of other pods or of a Secret is in them."""
CONFINED_BY: Final = ("container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/")
"""What annotations begin with that are securityContext by an older name."""
SECRETS: Final = frozenset({"secret", "secretRef", "secretKeyRef"})
"""Keys below which a Secret is named."""
DEFAULTS: Final = MappingProxyType({"defaultMode": 420, "type": "", "expirationSeconds": 3600})
"""Of volumes: what the API server adds. An overlay does not say it."""

OWN_PARTS: Final = frozenset({"name", "image", "env", "envFrom", "volumeMounts", "ports"})
"""Of a container: what is compared in a way of its own."""
CONFIG_MAPS: Final = frozenset({"configMap", "configMapRef", "configMapKeyRef"})
"""Keys below which a ConfigMap is named."""


REFERENCES: Final = "imagePullSecrets"
"""A list whose names are those of other objects."""


@dataclass(frozen=True)
class Leaf:
    """What a pod template says at one path."""

    text: str
    """As people may see it: on one line, and without what looks like a secret."""
    value: str
    """As it is compared."""
    power: str = ""
    """As in Difference."""
    core: str = ""
    """The value without what a generated Secret's name has of its content; empty where that is the value itself."""
    within: str = ""
    """The path of the container that it is of; empty for what is the whole pod's, and for a container itself."""


def said_by(workload: Workload, service: Service, side: SideState | None) -> dict[str, Leaf]:
    """Returns what a workload says of its pods, and a CronJob of when, by path: without what is that side's own (None:
    with it), images of the release, marks of a restart and generated names of ConfigMaps."""
    return _leaves(_neutral(workload, service, side))


def _neutral(workload: Workload, service: Service, side: SideState | None) -> dict[str, Any]:
    """What a workload says of its pods, and a CronJob of when: without what is one side's own, images of the release
    and generated names."""
    template = meant(workload.template)
    template.get("metadata", {}).pop("creationTimestamp", None)
    template["spec"].pop("serviceAccount", None)  # the older name of serviceAccountName: the API server sets both
    for each in released(workload, service):
        template["spec"][each.list][each.index]["image"] = ITS_IMAGE
    whole: dict[str, Any] = _without_own({**template, "schedule": dict(workload.schedule)}, side)
    return whole


def _without_own(value: Any, side: SideState | None, key: str = "") -> Any:
    """The names of containers, variables, volumes and ports stay: no side's own name is in them, whatever they are
    called."""
    if isinstance(value, Mapping):
        return {k: _without_own(_based(each) if k in CONFIG_MAPS else each, side, k) for k, each in value.items()}
    if isinstance(value, list):
        without = [_without_own(each, side, key) for each in value]
        if key == REFERENCES:
            return without
        return [_named_as(each, named) for each, named in zip(without, value, strict=True)]
    if side is None or not isinstance(value, str):
        return value
    for own, word in ((side.namespace, "<namespace>"), (str(side.side), "<side>")):
        value = re.sub(rf"(?<![A-Za-z0-9]){re.escape(own)}(?![A-Za-z0-9])", word, value)
    return value


def _named_as(item: Any, named: Any) -> Any:
    return {**item, "name": named["name"]} if isinstance(named, Mapping) and "name" in named else item


def _based(reference: Any) -> Any:
    """A reference to a ConfigMap or a Secret, by the name that its generated one was made of."""
    if not isinstance(reference, Mapping):
        return reference
    named = {key: reference[key] for key in ("name", "secretName") if isinstance(reference.get(key), str)}
    bases = {key: match["base"] for key, name in named.items() if (match := GENERATED.fullmatch(name))}
    return {**reference, **bases}


def _core(value: Any) -> Any:
    """A value in which generated Secrets are called by what their names were made of."""
    if isinstance(value, Mapping):
        return {key: _core(_based(each) if key in SECRETS else each) for key, each in value.items()}
    return [_core(each) for each in value] if isinstance(value, list) else value


def _leaves(whole: Mapping[str, Any]) -> dict[str, Leaf]:
    """What pods are made of, by path."""
    spec, meta = whole["spec"], whole.get("metadata") or {}
    found: dict[str, Leaf] = {}
    for key, value in (meta.get("labels") or {}).items():
        found[f"label {key}"] = _leaf(value, key)
    for key, value in (meta.get("annotations") or {}).items():
        found[f"annotation {key}"] = _leaf(value, key, "securityContext" if key.startswith(CONFINED_BY) else "")
    volumes = {volume["name"]: _volume(volume) for volume in spec.get("volumes") or []}
    found |= {f"volume {name}": leaf for name, leaf in volumes.items()}
    powers = {name: leaf.power for name, leaf in volumes.items()}
    for each in LISTS:
        containers = spec.get(each) or []
        found |= {path: leaf for container in containers for path, leaf in _container(each, container, powers)}
        if each == LISTS[1] and len(containers) > 1:
            found["initContainers' order"] = _leaf(", ".join(c["name"] for c in containers), power="containers")
    for secret in spec.get("imagePullSecrets") or []:
        found[f"imagePullSecret {_based(secret)['name']}"] = Leaf("", _canonical(secret), "secrets", "a Secret")
    rest = {key: value for key, value in spec.items() if key not in {*LISTS, "volumes", "imagePullSecrets"}}
    return found | dict(_flat("", rest)) | dict(_flat("", whole["schedule"]))


def _volume(volume: Mapping[str, Any]) -> Leaf:
    source = _without_defaults({key: value for key, value in volume.items() if key != "name"})
    kinds = set(source)
    if "projected" in source:
        kinds = {kind for each in source["projected"].get("sources") or [] for kind in each}
    power = "secrets" if kinds <= {*HARMLESS_SOURCES, "secret"} and "secret" in kinds else "volumes"
    return Leaf(
        _source(source), _canonical(source), "" if kinds <= HARMLESS_SOURCES else power, _canonical(_core(source))
    )


def _without_defaults(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: each for key, each in value.items() if key not in DEFAULTS or each != DEFAULTS[key]}
        return {key: _without_defaults(each) for key, each in kept.items()}
    return [_without_defaults(each) for each in value] if isinstance(value, list) else value


def _container(kind: str, container: Mapping[str, Any], powers: Mapping[str, str]) -> Iterator[tuple[str, Leaf]]:
    own = f"{kind}[{container['name']}]"
    runs = " ".join([*(container.get("command") or []), *(container.get("args") or [])])
    shown = f"image {container.get('image', '')}{f', runs {runs}' if runs else ''}"
    yield own, Leaf(_shown(shown), own, "containers")
    parts: dict[str, Leaf] = {}
    for path, leaf in _parts(container, powers):  # a port or a variable may stand there twice: none hides the other
        parts[path] = _both(parts[path], leaf) if path in parts else leaf
    for path, leaf in parts.items():
        yield f"{own}.{path}", replace(leaf, within=own)


def _both(one: Leaf, other: Leaf) -> Leaf:
    core = _canonical([one.core or one.value, other.core or other.value])
    text, value = _shown(f"{one.text} and {other.text}"), _canonical([one.value, other.value])
    return Leaf(text, value, one.power or other.power, core)


def _parts(container: Mapping[str, Any], powers: Mapping[str, str]) -> Iterator[tuple[str, Leaf]]:
    yield "image", _leaf(container.get("image", ""), power="containers")
    for variable in container.get("env") or []:
        yield f"env {variable['name']}", _variable(variable)
    for source in container.get("envFrom") or []:
        leaf = _from_elsewhere(source)
        yield f"envFrom {_reference(_core(source))}", leaf
    for mount in container.get("volumeMounts") or []:
        power = "volumes" if mount.get("mountPropagation") else powers.get(mount["name"], "")
        yield f"volumeMount {mount['mountPath']}", Leaf(_shown(f"volume {_flags(mount)}"), _canonical(mount), power)
    for port in container.get("ports") or []:
        said = {key: value for key, value in port.items() if key not in ("containerPort", "protocol")}
        power = "host" if port.get("hostPort") else ""
        yield f"port {port['containerPort']}/{port.get('protocol', 'TCP')}", _leaf(said or "", power=power)
    yield from _flat("", {key: value for key, value in container.items() if key not in OWN_PARTS})


def _from_elsewhere(source: Mapping[str, Any]) -> Leaf:
    power = "secrets" if SECRETS & source.keys() else ""
    return Leaf(_reference(source), _canonical(source), power, _canonical(_core(source)))


def _variable(variable: Mapping[str, Any]) -> Leaf:
    """Of a variable that comes from elsewhere, from where; no value of a Secret is ever read."""
    if source := variable.get("valueFrom"):
        return _from_elsewhere(source)
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
        yield path, _leaf(value, path, _power_of(path))


def _power_of(path: str) -> str:
    """The word for a path below a pod's or a container's key; a probe that runs a command runs code."""
    if path.endswith(".scheme"):  # of a hook by HTTP: the API server adds it
        return ""
    return "command" if ".exec." in path else POWER_OF_KEYS.get(path.partition(".")[0], "")


def settings_said(settings: Mapping[str, Any], side: SideState | None) -> dict[str, Leaf]:
    """Returns what ConfigMaps say, by their key, likewise."""
    found: dict[str, Leaf] = {}
    for name, data in settings.items():
        base = (_based({"name": name}) or {})["name"]
        base = _without_own(base, side)
        found |= {f"{base}, {key}": _leaf(_without_own(text, side), key) for key, text in (data or {}).items()}
    return found


def _leaf(value: Any, name: str = "", power: str = "") -> Leaf:
    """A value as it is shown and compared; its name may say that it is secret."""
    said = without_secrets(f"{name}={_plain(value)}").partition("=")[2]
    return Leaf(_shown(said), _canonical(value), power)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _canonical(value)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _shown(text: str) -> str:
    return printable(without_secrets(" ".join(text.split())), VALUE_READ)

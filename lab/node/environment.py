"""A container's environment and command line, resolved as the kubelet does it. Pure: the sources are arguments."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
Source = tuple[str, str]  # ("configmaps" or "secrets", name)
Sources = Mapping[Source, Mapping[str, str] | None]  # None: there is no such object

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_SINGULAR = {"configmaps": "configmap", "secrets": "secret"}


class MissingConfigError(Exception):
    """A ConfigMap, a Secret or a key of one that the container needs isn't there; says which."""


@dataclass(frozen=True)
class Place:
    """What the downward API tells of where a pod runs."""

    pod_ip: str
    host_ip: str
    node: str


def needed(container: Object) -> set[Source]:
    """The ConfigMaps and Secrets that the container's environment is made from."""
    found = set()
    for entry in container.get("envFrom", ()):
        for field, kind in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
            if field in entry:
                found.add((kind, entry[field]["name"]))
    for variable in container.get("env", ()):
        origin = variable.get("valueFrom", {})
        for field, kind in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
            if field in origin:
                found.add((kind, origin[field]["name"]))
    return found


def resolve(container: Object, pod: Object, place: Place, sources: Sources) -> dict[str, str]:
    """The container's environment. Raises MissingConfigError."""
    values: dict[str, str] = {}
    for entry in container.get("envFrom", ()):
        values.update(_env_from(entry, sources))
    for variable in container.get("env", ()):
        value = _variable(variable, pod, place, sources, values)
        if value is not None:
            values[variable["name"]] = value
    return values


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace `$(NAME)`; an unknown name stays as it is, `$$` is a dollar sign."""

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        return values.get(match[1], match[0])

    return _REFERENCE.sub(replace, text)


def command_line(container: Object, values: Mapping[str, str]) -> list[str]:
    """What to run: command and args, expanded; empty when the image would have to say it."""
    words: Sequence[str] = [*container.get("command", ()), *container.get("args", ())]
    return [expand(word, values) for word in words] if container.get("command") else []


def _env_from(entry: Object, sources: Sources) -> dict[str, str]:
    for field, kind in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        if field in entry:
            reference = entry[field]
            data = sources.get((kind, reference["name"]))
            if data is None:
                if reference.get("optional"):
                    return {}
                raise MissingConfigError(f'{_SINGULAR[kind]} "{reference["name"]}" not found')
            return {entry.get("prefix", "") + key: value for key, value in data.items()}
    return {}


def _variable(variable: Object, pod: Object, place: Place, sources: Sources, values: Mapping[str, str]) -> str | None:
    origin = variable.get("valueFrom")
    if origin is None:
        return expand(variable.get("value", ""), values)
    for field, kind in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if field in origin:
            return _key(kind, origin[field], pod, sources)
    if "fieldRef" in origin:
        return _field(origin["fieldRef"]["fieldPath"], pod, place)
    return ""


def _key(kind: str, reference: Object, pod: Object, sources: Sources) -> str | None:
    name, key = reference["name"], reference["key"]
    data = sources.get((kind, name))
    if data is not None and key in data:
        return data[key]
    if reference.get("optional"):
        return None
    if data is None:
        raise MissingConfigError(f'{_SINGULAR[kind]} "{name}" not found')
    what = {"configmaps": "ConfigMap", "secrets": "Secret"}[kind]
    raise MissingConfigError(f"couldn't find key {key} in {what} {pod['metadata']['namespace']}/{name}")


def _field(path: str, pod: Object, place: Place) -> str:
    metadata = pod["metadata"]
    if match := _SUBSCRIPT.fullmatch(path):
        return str(metadata.get(match[1], {}).get(match[2], ""))
    known: dict[str, str] = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata.get("uid", ""),
        "spec.nodeName": place.node,
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", ""),
        "status.podIP": place.pod_ip,
        "status.podIPs": place.pod_ip,
        "status.hostIP": place.host_ip,
        "status.hostIPs": place.host_ip,
    }
    return known.get(path, "")

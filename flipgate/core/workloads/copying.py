"""What a copy of a Secret or ConfigMap consists of: from the live side's object to operations on the dark side's."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from flipgate.core.values import stamps

OF: Final = "flipgate.dev/copy-of"
"""Label on a copy: the namespace that its content came from."""
APPLICATION: Final = "flipgate.dev/application"
PARTS: Final = ("data", "binaryData")
PLACEHOLDER: Final[Mapping[str, str]] = {"data": "e30=", "binaryData": ""}
"""`{}` in base64: what a Secret's key holds until it is filled. It is what each type of Secret may hold."""
OPAQUE: Final = "Opaque"
NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


def empty_copy(kind: str, name: str, source: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Returns the object as it is made first, with nothing of the content: one that is made late says nothing. A
    Secret of a type that has to have keys has them, with `{}`."""
    body: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": dict(labels)}}
    if kind == "Secret":
        body["type"] = source.get("type") or OPAQUE
        if body["type"] != OPAQUE:
            body["data"] = dict.fromkeys(source.get("data") or {}, PLACEHOLDER["data"])
    return body


def copied_data(
    source: Mapping[str, Any], target: Mapping[str, Any], kept: frozenset[str], names: Mapping[str, str] = NO_NAMES
) -> dict[str, dict[str, Any]]:
    """Returns `data` and `binaryData` of the copy: the source's, but for the keys that are `kept`, which stay as the
    target has them. A value that is a name of the source's own side is the target's: `names` has one by the other."""
    found: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        theirs, ours = source.get(part) or {}, target.get(part) or {}
        encoded = part == "binaryData" or source.get("kind") == "Secret"
        own = {_base64(old): _base64(new) for old, new in names.items()} if encoded else names
        copied = {key: own.get(value, value) for key, value in theirs.items() if key not in kept}
        found[part] = copied | {key: value for key, value in ours.items() if key in kept}
    return found


def filling(
    source: Mapping[str, Any], target: Mapping[str, Any], kept: frozenset[str], names: Mapping[str, str] = NO_NAMES
) -> list[dict[str, Any]]:
    """Returns the operations that give the target the source's content."""
    operations: list[dict[str, Any]] = []
    for part, data in copied_data(source, target, kept, names).items():
        if data:
            operations.append({"op": "add", "path": f"/{part}", "value": data})
        elif target.get(part):
            operations.append({"op": "remove", "path": f"/{part}"})
    return operations


def labelling(application: str, namespace: str) -> list[dict[str, Any]]:
    """Returns the operations that say whose copy it is; a stamp is written before them, so there are labels."""
    labels = copy_labels(application, namespace)
    return [{"op": "add", "path": f"/metadata/labels/{_escaped(key)}", "value": labels[key]} for key in sorted(labels)]


def copy_labels(application: str, namespace: str, stamp: str = "") -> dict[str, str]:
    """Returns the labels of a copy whose content came from this namespace."""
    labels = {APPLICATION: application, OF: namespace}
    return {**labels, stamps.STAMP: stamp} if stamp else labels


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")

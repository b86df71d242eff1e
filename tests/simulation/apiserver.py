"""A simulated API server, as far as flipgate uses one: objects with versions, patches with their tests, watches.

It is held against the real one by tests/api/adapters/test_simulated_server.py. Nothing else may stand on it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

Obj = dict[str, Any]
Key = tuple[str, str, str, str]
"""Of an object: its API, its kind's plural, its namespace and its name."""
JSON_PATCH, MERGE_PATCH, APPLY_PATCH = (
    f"application/{kind}" for kind in ("json-patch+json", "merge-patch+json", "apply-patch+yaml")
)
CUSTOM = "/apis/traefik.io/v1alpha1"
EPOCH, STAMPED = datetime(2026, 1, 1, tzinfo=UTC), "%Y-%m-%dT%H:%M:%SZ"
OWN = ("uid", "name", "namespace", "resourceVersion", "creationTimestamp")
"""What no update of an object changes."""
WITHOUT_GENERATION = frozenset({"configmaps", "leases", "events", "pods", "secrets", "services", "namespaces"})


@dataclass(frozen=True)
class RefusalError(Exception):
    """What the API server says no with."""

    status: int
    reason: str
    message: str
    causes: bool = False

    def body(self) -> Obj:
        details: Obj = {"causes": [{"reason": "FieldValueInvalid"}]} if self.causes else {}
        said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": self.message}
        return {**said, "reason": self.reason, "code": self.status, "details": details}


@dataclass(frozen=True)
class Address:
    """A path, taken apart: `api` is `/api/v1` or `/apis/GROUP/VERSION`."""

    api: str
    namespace: str
    plural: str
    name: str = ""
    part: str = ""

    @classmethod
    def of(cls, path: str) -> Address:
        """Raises RefusalError (404) for what is no resource's path."""
        return _taken_apart(path)

    @property
    def key(self) -> Key:
        return self.api, self.plural, self.namespace, self.name


@lru_cache(maxsize=10_000)
def _taken_apart(path: str) -> Address:
    words = path.strip("/").split("/")
    at = 2 if words[0] == "api" else 3
    api, rest = "/" + "/".join(words[:at]), words[at:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    if not rest:
        raise RefusalError(404, "NotFound", "the server could not find the requested resource")
    return Address(api, namespace, rest[0], rest[1] if len(rest) > 1 else "", "/".join(rest[2:]))


@dataclass(frozen=True)
class Change:
    """One event of a watch."""

    version: int
    kind: str
    address: Address
    obj: Obj
    at: float


@dataclass
class ApiServer:
    """Objects by their address. None is ever changed: each change stores another. `written` is called after each, with
    the object before and after."""

    objects: dict[Key, Obj] = field(default_factory=dict)
    version: int = 1
    changes: list[Change] = field(default_factory=list)
    written: Callable[[Address, Obj | None, Obj | None], None] = lambda address, before, after: None
    _applied: dict[tuple[Any, str], Obj] = field(default_factory=dict)
    made: int = 0
    """How many objects were created."""
    now: Callable[[], float] = lambda: 0.0
    past: dict[Key, list[Change]] = field(default_factory=dict)
    """All that was ever done to each object."""
    newest: dict[str, int] = field(default_factory=dict)
    """The version of the newest change of each kind, by its plural."""

    def get(self, address: Address) -> Obj:
        """One object. Raises RefusalError (404)."""
        try:
            return self.objects[address.key]
        except KeyError:
            raise _missing(address) from None

    def items(self, address: Address, selector: str = "") -> list[Obj]:
        """All objects of a kind in a namespace, or without one in all."""
        return [self.objects[key] for key in self.keys(address, selector)]

    def keys(self, address: Address, selector: str = "") -> list[Key]:
        """Of these objects, in their order."""
        wanted = dict(each.split("=", 1) for each in selector.split(",") if each).items()
        kind = address.api, address.plural
        found = [key for key in self.objects if key[:2] == kind and address.namespace in ("", key[2])]
        return sorted(key for key in found if wanted <= (self.objects[key]["metadata"].get("labels") or {}).items())

    def got(self, address: Address, at: float) -> Obj:
        """One object as it was at a moment. Raises RefusalError (404)."""
        change = self._last(address.key, at)
        if change is None or change.kind == "DELETED":
            raise _missing(address)
        return change.obj

    def listed(self, address: Address, selector: str, at: float) -> list[Obj]:
        """As `items`, of a moment."""
        wanted = dict(each.split("=", 1) for each in selector.split(",") if each).items()
        kind = address.api, address.plural
        found = [key for key in sorted(self.past) if key[:2] == kind and address.namespace in ("", key[2])]
        changes = [change for key in found if (change := self._last(key, at)) and change.kind != "DELETED"]
        return [each.obj for each in changes if wanted <= (each.obj["metadata"].get("labels") or {}).items()]

    def _last(self, key: Key, at: float) -> Change | None:
        return next((change for change in reversed(self.past.get(key, ())) if change.at <= at), None)

    def create(self, address: Address, obj: Obj) -> Obj:
        """Raises RefusalError (409) where it exists."""
        made: Obj = json.loads(json.dumps(obj))
        meta = made.setdefault("metadata", {})
        self.made += 1
        if not meta.get("name"):
            meta["name"] = f"{meta.get('generateName', '')}{self.made:05}"
        place = Address(address.api, address.namespace, address.plural, meta["name"])
        if place.key in self.objects:
            raise RefusalError(409, "AlreadyExists", f'{address.plural} "{place.name}" already exists')
        at = EPOCH + timedelta(seconds=self.now())
        meta |= {
            "namespace": address.namespace,
            "uid": str(UUID(int=self.made)),
            "creationTimestamp": f"{at:{STAMPED}}",
        }
        if address.plural not in WITHOUT_GENERATION:
            meta["generation"] = 1
        return self._store(place, None, made)

    def replace(self, address: Address, obj: Obj) -> Obj:
        """Raises RefusalError: 404, and 409 for a version that is another one."""
        sent = (obj.get("metadata") or {}).get("resourceVersion")
        if address.plural == "leases" and address.key not in self.objects:
            return self.create(address, obj)
        before = self.get(address)
        if (address.api == CUSTOM or address.plural == "leases") and not sent:
            raise RefusalError(422, "Invalid", "metadata.resourceVersion: must be specified for an update", causes=True)
        return self._update(address, before, _with(before, dict(obj)))

    def patch(self, address: Address, kind: str, body: Any, manager: str = "") -> Obj:
        """Raises RefusalError: 404, 409 for a version that is another one, 422 for a JSON patch whose test fails."""
        if kind == APPLY_PATCH:
            return self._apply(address, body, manager)
        before = self.get(address)
        if kind == JSON_PATCH:
            after = json.loads(json.dumps(before))
            for operation in body:
                after = _operate(after, operation)
            return self._update(address, before, after, sent=False)
        return self._update(
            address, before, merged(before, body), sent="resourceVersion" in (body.get("metadata") or {})
        )

    def delete(self, address: Address) -> Obj:
        """Raises RefusalError (404)."""
        before = self.get(address)
        del self.objects[address.key]
        self.version += 1
        self._tell("DELETED", address, before, None)
        return before

    def _apply(self, address: Address, body: Obj, manager: str) -> Obj:
        mine = (address.key, manager)
        if address.key not in self.objects:
            made = self.create(Address(address.api, address.namespace, address.plural), body)
            self._applied[mine] = body
            return made
        before = self.objects[address.key]
        after = merged(_without(before, self._applied.get(mine, {}), body), body)
        done = self._update(address, before, after, sent="resourceVersion" in body["metadata"])
        self._applied[mine] = body
        return done

    def _update(self, address: Address, before: Obj, after: Obj, sent: bool = True) -> Obj:
        meta, was = dict(after["metadata"]), before["metadata"]
        after["metadata"] = meta
        version = meta.get("resourceVersion")
        if sent and version and version != was["resourceVersion"]:
            raise RefusalError(409, "Conflict", f'{address.plural} "{address.name}": the object has been modified')
        meta |= {key: was[key] for key in OWN if key in was}
        if address.plural not in WITHOUT_GENERATION:  # the others' status is a part of its own
            if address.part == "status":
                after = {**before, "metadata": dict(was), "status": after.get("status", {})}
                meta = after["metadata"]
            elif "status" in before:
                after["status"] = before["status"]
        _tidy(after)
        if "generation" in was:
            meta["generation"] = was["generation"] + _counts(address, before, after)
        if after == before:
            return before
        return self._store(address, before, after)

    def _store(self, address: Address, before: Obj | None, after: Obj) -> Obj:
        self.version += 1
        _tidy(after)
        after["metadata"]["resourceVersion"] = str(self.version)
        place = Address(address.api, address.namespace, address.plural, after["metadata"]["name"])
        self.objects[place.key] = after
        self._tell("MODIFIED" if before else "ADDED", place, before, after)
        return after

    def _tell(self, kind: str, address: Address, before: Obj | None, after: Obj | None) -> None:
        self.newest[address.plural] = self.version
        change = Change(self.version, kind, address, after or before or {}, self.now())
        self.changes.append(change)
        self.past.setdefault(address.key, []).append(change)
        self.written(address, before, after)


def _counts(address: Address, before: Obj, after: Obj) -> bool:
    """Whether a change makes another generation: of a Deployment one of annotations does, too."""
    if before.get("spec") != after.get("spec"):
        return True
    annotations = before["metadata"].get("annotations"), after["metadata"].get("annotations")
    return address.plural == "deployments" and annotations[0] != annotations[1]


def _tidy(obj: Obj) -> None:
    """A map without keys is none."""
    for key in ("labels", "annotations"):
        if not obj["metadata"].get(key, True):
            del obj["metadata"][key]


def _missing(address: Address) -> RefusalError:
    return RefusalError(404, "NotFound", f'{address.plural} "{address.name}" not found')


def _with(before: Obj, after: Obj) -> Obj:
    after.setdefault("metadata", {})
    if "status" in before:
        after.setdefault("status", before["status"])
    return after


def merged(before: Any, part: Any) -> Any:
    """Returns what a merge patch makes of it (RFC 7396)."""
    if not isinstance(part, Mapping):
        return copy.deepcopy(part) if isinstance(part, list) else part
    made = dict(before) if isinstance(before, Mapping) else {}
    for key, value in part.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


def _without(obj: Any, applied: Any, again: Any) -> Any:
    """What is left of an object without what its manager applied and applies no more."""
    if not isinstance(obj, Mapping) or not isinstance(applied, Mapping):
        return obj
    made = dict(obj)
    for key, value in applied.items():
        if key not in (again or {}):
            made.pop(key, None)
        elif key in made:
            made[key] = _without(made[key], value, again[key])
    return made


def _operate(obj: Obj, operation: Mapping[str, Any]) -> Obj:
    """One operation of a JSON patch, as the API server's library reads it (evanphx/json-patch): a test for null passes
    where nothing stands."""
    words = [word.replace("~1", "/").replace("~0", "~") for word in operation["path"].split("/")[1:]]
    what, value = operation["op"], copy.deepcopy(operation.get("value"))
    parent: Any = obj
    for word in words[:-1]:
        parent = _step(parent, word)
        if parent is None:
            if what == "test" and value is None:
                return obj
            raise _unfit(operation)
    if isinstance(parent, list):
        _operate_list(parent, words[-1], what, value, operation)
    elif isinstance(parent, dict):
        _operate_map(parent, words[-1], what, value, operation)
    else:
        raise _unfit(operation)
    return obj


def _operate_map(parent: Obj, last: str, what: str, value: Any, operation: Mapping[str, Any]) -> None:
    if what == "test":
        if parent.get(last) != value:
            raise _unfit(operation)
    elif what == "add":
        parent[last] = value
    elif last not in parent:
        raise _unfit(operation)
    elif what == "remove":
        del parent[last]
    else:
        parent[last] = value


def _operate_list(parent: list[Any], last: str, what: str, value: Any, operation: Mapping[str, Any]) -> None:
    at = len(parent) if last == "-" else int(last)
    if what == "add" and at <= len(parent):
        parent.insert(at, value)
    elif at >= len(parent) or (what == "test" and parent[at] != value):
        raise _unfit(operation)
    elif what == "remove":
        del parent[at]
    elif what == "replace":
        parent[at] = value


def _step(parent: Any, word: str) -> Any:
    if isinstance(parent, list):
        return parent[int(word)] if int(word) < len(parent) else None
    return parent.get(word) if isinstance(parent, dict) else None


def _unfit(operation: Mapping[str, Any]) -> RefusalError:
    """The real one says no more, whatever was tested."""
    return RefusalError(422, "Invalid", "the server rejected our request due to an error in our request")

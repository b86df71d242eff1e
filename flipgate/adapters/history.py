"""The finished releases of an application: ConfigMaps in flipgate's own namespace, found by their label and name.

`release-APP-NAME` is what people read: with its journal, which grows for a while. `chain-APP-NAME` is the copy of the
release as it ended, written once: Kubernetes refuses every later change of it (`immutable`).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import FIELD_MANAGER, Cluster
from flipgate.core.record.entries import merged
from flipgate.core.record.record import SCHEMA_VERSION, JournalEntry
from flipgate.core.record.release import Release
from flipgate.core.record.schema import schema_of_release
from flipgate.core.record.size import JOURNAL, Finished, written_release
from flipgate.core.record.verified import COPY, HISTORY, Kept
from flipgate.core.values.errors import Conflict, PermanentError
from flipgate.core.values.foreign import parse_json

HISTORY_KEPT = 50
KIND_OF = {COPY: "chain", HISTORY: "release"}
"""The label, and the beginning of the name, of the objects."""
WRITE_TRIES = 8
PAUSE_SECONDS = 0.02
"""The pause after a lost write is drawn from 0 to this, times the losses so far."""


class History:
    """The history of application `name`, in namespace `namespace`."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self._cluster = cluster
        self.namespace = namespace
        self.name = name

    def write_history(self, release: Release, journal: Iterable[JournalEntry] = ()) -> None:
        """Keeps a finished release with its journal, and lets the oldest beyond HISTORY_KEPT go. Writing the same one
        again is fine: entries that the record has let go since are kept."""
        journal = tuple(journal)
        found = {item["metadata"]["name"]: item for item in self._finished()}
        name = self._name_of(release)
        mine = item = found.get(name)
        for left in reversed(range(WRITE_TRIES)):
            try:
                self._write_history(release, journal, item)
                break
            except Conflict:  # another run of ours finishes the same release
                if not left:
                    raise
                item = self._cluster.find(self._path(name))
        for old in self._in_making_order(found.values())[HISTORY_KEPT - (mine is None) :]:
            if old.chain:
                self._cluster.delete(self._path(self._name_of(old, "chain")))
            self._cluster.delete(self._path(self._name_of(old)))

    def _in_making_order(self, items: Iterable[dict[str, Any]]) -> list[Release]:
        """Those that can be read, the one made last first, by the API server's clock: a release's own times are of
        whichever machine wrote them, and one that is years off would have the others let go first, or itself."""
        read = [(item["metadata"]["creationTimestamp"], self._release(item)) for item in items]
        found = [(made, one.since, one.name, one) for made, one in read if isinstance(one, Release)]
        return [one for *_, one in sorted(found, key=lambda each: each[:3], reverse=True)]

    def _write_history(self, release: Release, journal: Iterable[JournalEntry], item: dict[str, Any] | None) -> None:
        before = self._journal(item) if item else ()
        entries = merged(() if isinstance(before, PermanentError) else before, journal)
        told, journaled = written_release(Finished(release, entries))
        schema = str(schema_of_release(release))
        if item is None and release.chain:
            self._copy(release, {"schema": schema, "release.json": written_release(Finished(release, ()))[0]})
        data = {"schema": schema, "release.json": told, "journal.json": journaled}
        self._put(self._name_of(release), data, "release", item)

    def _copy(self, release: Release, data: dict[str, str]) -> None:
        """Written before what people read, and never after it: one that somebody takes away does not come back."""
        made = self._config_map(self._name_of(release, "chain"), data, "chain") | {"immutable": True}
        with suppress(Conflict):  # it is there since a write of the history that was cut short
            self._cluster.create(self._path(), made)

    def _name_of(self, release: Release, kind: str = "release") -> str:
        return f"{kind}-{self.name}-{release.name}"

    def history(self) -> list[Release]:
        """Finished releases, newest first. One that cannot be read is left out: see `history_problems`."""
        return _newest_first(map(self._release, self._finished()))

    def kept(self) -> tuple[list[Kept], list[PermanentError]]:
        """Finished releases as the objects of both kinds have them, in no order; and what cannot be read of these. A
        copy is made before what people read, and so asked for after it."""
        items = [(of, item) for of in (HISTORY, COPY) for item in self._finished(KIND_OF[of])]
        found = [self._kept(of, item) for of, item in items]
        return [each for each in found if isinstance(each, Kept)], [
            each for each in found if not isinstance(each, Kept)
        ]

    def _kept(self, of: str, item: dict[str, Any]) -> Kept | PermanentError:
        release = self._release(item)
        if isinstance(release, PermanentError):
            return release
        meta = item["metadata"]
        made = datetime.fromisoformat(meta["creationTimestamp"]) if "creationTimestamp" in meta else None
        name = meta["name"].removeprefix(f"{KIND_OF[of]}-{self.name}-")
        return Kept(name, of, release.chain, parse_json(item["data"]["release.json"]), made)

    def history_problems(self) -> list[PermanentError]:
        """What `history` leaves out, and why: old news is worth telling, and never worth stopping a release for."""
        found = [self._release(item) for item in self._finished()]
        return [problem for problem in found if isinstance(problem, PermanentError)]

    def finished(self, name: str) -> tuple[Release, tuple[JournalEntry, ...], PermanentError | None]:
        """One finished release, its journal, and what is wrong with that: a journal that cannot be read hides itself
        alone. Raises NotFound, PermanentError when the release cannot be read."""
        item = self._cluster.get(self._path(f"release-{self.name}-{name}"))
        release, journal = self._release(item), self._journal(item)
        if isinstance(release, PermanentError):
            raise release
        return (release, (), journal) if isinstance(journal, PermanentError) else (release, journal, None)

    def names(self) -> list[str]:
        """The finished releases by the names of their objects alone: those too that cannot be read."""
        found = self._cluster.metadata(self._path(), labelSelector=self._selector("release"))  # not what they hold: MBs
        return [
            item["metadata"]["name"].removeprefix(f"release-{self.name}-") for item in self._of_kind("release", found)
        ]

    def _finished(self, kind: str = "release") -> list[dict[str, Any]]:
        return self._of_kind(kind, self._cluster.items(self._path(), labelSelector=self._selector(kind)))

    def _selector(self, kind: str) -> str:
        return f"flipgate.dev/application={self.name},flipgate.dev/kind={kind}"

    def _of_kind(self, kind: str, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        # Who may write which object is held by names alone: anybody's labels could put one in, or have ours let go.
        return [item for item in found if item["metadata"]["name"].startswith(f"{kind}-{self.name}-")]

    def _release(self, item: dict[str, Any]) -> Release | PermanentError:
        name = item["metadata"]["name"]
        try:
            release = Release.model_validate_json((item.get("data") or {}).get("release.json", ""))
        except ValidationError as error:
            fact = newer(item) or first_problem(error)
        else:
            fact = "it does not say when it ended"
            if name not in (self._name_of(release, kind) for kind in KIND_OF.values()):
                fact = f"it is {release.name} by what it says"
            elif release.changes and all(change.at.tzinfo for change in release.changes):
                return release
        return unreadable(fact, f"release in ConfigMap {self.namespace}/{name}", self.namespace, name)

    def _journal(self, item: dict[str, Any]) -> tuple[JournalEntry, ...] | PermanentError:
        """A release that was finished before journals were kept has none."""
        name, text = item["metadata"]["name"], (item.get("data") or {}).get("journal.json", "[]")
        try:
            journal = JOURNAL.validate_json(text)
        except ValidationError as error:
            fact = newer(item) or first_problem(error)
        else:
            if all(entry.at.tzinfo and (entry.ended or entry.at).tzinfo for entry in journal):
                return journal
            fact = "an entry does not say when it was"
        return unreadable(fact, f"journal in ConfigMap {self.namespace}/{name}", self.namespace, name)

    def _put(self, name: str, data: dict[str, str], kind: str, found: dict[str, Any] | None) -> None:
        """Makes a ConfigMap, or makes it so where it is as it was `found`: late, it would take a newer one back."""
        if found is None:
            self._cluster.create(self._path(), self._config_map(name, data, kind))
        elif found.get("data") != data:
            version = found["metadata"]["resourceVersion"]
            self._cluster.apply(self._path(name), self._config_map(name, data, kind, version))

    def _config_map(self, name: str, data: dict[str, str], kind: str, version: str = "") -> dict[str, Any]:
        meta: dict[str, Any] = {"name": name, "namespace": self.namespace, "labels": self._labels(kind)}
        if version:
            meta["resourceVersion"] = version
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}

    def _labels(self, kind: str) -> dict[str, str]:
        return {
            "app.kubernetes.io/managed-by": FIELD_MANAGER,
            "flipgate.dev/application": self.name,
            "flipgate.dev/kind": kind,
        }

    def _path(self, name: str = "") -> str:
        return address("ConfigMap", self.namespace, name)


def _newest_first(found: Iterable[Release | PermanentError]) -> list[Release]:
    return sorted((r for r in found if isinstance(r, Release)), key=lambda release: release.since, reverse=True)


def by_newer(schema: int) -> str:
    return f"written by a newer flipgate (schema {schema}, this one knows {SCHEMA_VERSION})"


def newer(item: dict[str, Any]) -> str:
    """That an object of the history is a newer flipgate's; empty where it is not."""
    schema = str((item.get("data") or {}).get("schema", ""))
    return by_newer(int(schema)) if schema.isdecimal() and int(schema) > SCHEMA_VERSION else ""


def unreadable(why: str, what: str, namespace: str, config_map: str) -> PermanentError:
    return PermanentError(
        f"cannot be read: {why}",
        obj=what,
        untouched="everything",
        next_command=f"kubectl -n {namespace} get configmap {config_map} -o yaml",
    )


def first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    more = f" (the first of {error.error_count()} problems)" if error.error_count() > 1 else ""
    return (f"{place}: " if place else "") + first["msg"] + more

"""Where the cluster remembers: ConfigMaps and one Lease in flipgate's own namespace.

ConfigMaps and not custom resources: a team that may create a namespace can use flipgate, no cluster-wide schema has to
be installed, and `kubectl get cm record-APP -o yaml` shows all there is. Each write of the record is conditional on
the version read; a loser reads again and decides again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from copy import copy
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import FIELD_MANAGER, Cluster, Reader
from flipgate.adapters.connection import READ_SECONDS
from flipgate.core.record.entries import merged
from flipgate.core.record.record import SCHEMA_VERSION, JournalEntry, Record
from flipgate.core.record.release import Release
from flipgate.core.record.schema import schema_of_release
from flipgate.core.record.size import JOURNAL, Finished, written, written_release
from flipgate.core.spec.application import Application, load_application
from flipgate.core.values.errors import Conflict, LostLease, NotFound, PermanentError, Refused, about
from flipgate.core.values.foreign import NotJson, parse_json
from flipgate.core.values.reasons import Why
from flipgate.core.way_back.unwatched import Reconciled

HISTORY_KEPT = 50
WRITE_TRIES = 8
PARSED_KEPT = 8
"""Records that are kept as they were parsed: who waits reads the same text again and again. A record is frozen."""
PAUSE_SECONDS = 0.02
"""The pause after a lost write is drawn from 0 to this, times the losses so far."""


class Store:
    """The application, the record and the history of one application, in namespace `namespace`."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self._cluster = cluster
        self.namespace = namespace
        self.name = name
        self._epoch: int | None = None
        self._ours: list[tuple[Record, str]] = []
        """The record as we wrote it last, and its version then; known to each Store that came of this one."""

    def with_epoch(self, epoch: int, cluster: Cluster) -> Store:
        """The same, which writes by this client; its writes of the record are refused once that is of another epoch."""
        fenced = copy(self)
        fenced._epoch, fenced._cluster = epoch, cluster
        return fenced

    def application(self) -> Application:
        """The application as `apply` wrote it. Raises NotFound with what to type."""
        try:
            obj = self._cluster.get(self._path(f"application-{self.name}"))
        except NotFound as error:
            raise NotFound(
                "is not known to this cluster",
                obj=f"application {self.name}",
                next_command="flipgate apply -f APP.yaml",
            ) from error
        text = (obj.get("data") or {}).get("application.yaml", "")
        return load_application(text, f"ConfigMap {self.namespace}/application-{self.name}")

    def write_application(self, text: str) -> None:
        """Writes the application's file as it is, comments included. Raises Conflict when another was written at the
        same time."""
        name = f"application-{self.name}"
        self._put(name, {"application.yaml": text}, "application", self._cluster.find(self._path(name)))

    def read(self) -> Record:
        """The record. Raises NotFound before `adopt`, Refused for a newer flipgate's, PermanentError if garbled."""
        return self._read()[0]

    def find(self) -> Record | None:
        """The record, or None before `adopt`."""
        try:
            return self.read()
        except NotFound:
            return None

    def create(self, record: Record) -> Record:
        """Writes the first record, and returns it as it was stored. Raises Conflict when there is one."""
        record, data = _stored(record)
        self._cluster.create(self._path(), self._config_map(f"record-{self.name}", data, "record"))
        return record

    def update(self, change: Callable[[Record], Record]) -> Record:
        """Reads, changes and writes the record, again when somebody else wrote in between; `change` must be pure.

        Raises LostLease when another actor has taken this application over, Conflict after WRITE_TRIES losses.
        """
        change = about(self.name)(change)
        if mine := self._update_ours(change):
            return mine
        for tried in range(WRITE_TRIES):
            record, version = self._read()
            self._need_epoch(record)
            changed = change(record)
            if changed == record:
                return record
            try:
                return self._replace(changed, version)
            except Conflict:
                time.sleep(random.uniform(0, PAUSE_SECONDS * tried))  # writers in step would lose to each other again
        raise Conflict(f"was written by others {WRITE_TRIES} times in a row", obj=f"record of {self.name}")

    def _update_ours(self, change: Callable[[Record], Record]) -> Record | None:
        """The change made to what we wrote last, without reading it again: the write is refused if it is no longer so.

        None when that is not enough to go on: nothing was written yet, somebody else wrote since, or what is known
        leads to no write. Users wait for each request on the way back.
        """
        record, version = self._ours.pop() if self._ours else (None, "")
        if record is None or (self._epoch is not None and record.epoch != self._epoch):
            return None
        try:
            changed = change(record)
            return None if changed == record else self._replace(changed, version)
        except (Conflict, NotFound, Refused):
            return None

    def _replace(self, record: Record, version: str) -> Record:
        record, data = _stored(record)
        obj = self._config_map(f"record-{self.name}", data, "record", version)
        replaced = self._cluster.replace(self._path(f"record-{self.name}"), obj)
        self._ours[:] = [(record, replaced["metadata"]["resourceVersion"])]
        return record

    def _need_epoch(self, record: Record) -> None:
        if self._epoch is not None and record.epoch != self._epoch:
            raise LostLease(
                f"{record.holder or 'another actor'} has taken over "
                f"(epoch {record.epoch}; this run began in {self._epoch})",
                obj=f"record of {self.name}",
                untouched="routes and sides from here on",
            )

    def reconciled(self, *, timeout: float = READ_SECONDS) -> Reconciled | None:
        """When reconcile last succeeded; None where it never did. Raises PermanentError when that cannot be read."""
        try:
            obj = self._cluster.get(self._path(f"reconcile-{self.name}"), timeout=timeout)
        except NotFound:
            return None
        return self._reconciled(obj)

    def note_reconciled(self, now: datetime) -> None:
        """Notes a success of reconcile, in an object of its own: it comes every five minutes, and whoever writes the
        record would lose to it.

        Conditional on the version read. One that is noted late, or twice, takes no newer one back; what cannot be read
        is written anew. Raises Conflict after WRITE_TRIES losses.
        """
        name = f"reconcile-{self.name}"
        for tried in range(WRITE_TRIES):
            obj = self._cluster.find(self._path(name))
            try:
                before = self._reconciled(obj) if obj else None
            except PermanentError:
                before = None
            noted = before.again(now) if before else Reconciled(succeeded=now, since=now)
            if noted == before:
                return
            made = self._config_map(name, noted.model_dump(mode="json"), "reconcile", _version(obj))
            try:
                self._cluster.replace(self._path(name), made) if obj else self._cluster.create(self._path(), made)
                return
            except (Conflict, NotFound):
                time.sleep(random.uniform(0, PAUSE_SECONDS * tried))
        raise Conflict(f"was written by others {WRITE_TRIES} times in a row", obj=f"ConfigMap {self.namespace}/{name}")

    def _reconciled(self, obj: dict[str, Any]) -> Reconciled:
        data, name = obj.get("data") or {}, obj["metadata"]["name"]
        try:
            return Reconciled.model_validate({key: data.get(key) for key in Reconciled.model_fields})
        except ValidationError as error:
            what = f"reconcile's last success in ConfigMap {self.namespace}/{name}"
            raise _unreadable(_first_problem(error), what, self.namespace, name) from error

    def write_history(self, release: Release, journal: Iterable[JournalEntry] = ()) -> None:
        """Keeps a finished release with its journal, and lets the oldest beyond HISTORY_KEPT go. Writing the same one
        again is fine: entries that the record has let go since are kept."""
        journal = tuple(journal)
        for left in reversed(range(WRITE_TRIES)):
            try:
                self._write_history(release, journal)
                break
            except Conflict:  # another run of ours finishes the same release
                if not left:
                    raise
        for old in self.history()[HISTORY_KEPT:]:
            self._cluster.delete(self._path(f"release-{self.name}-{old.name}"))

    def _write_history(self, release: Release, journal: Iterable[JournalEntry]) -> None:
        name = f"release-{self.name}-{release.name}"
        item = self._cluster.find(self._path(name))
        before = self._journal(item) if item else ()
        entries = merged(() if isinstance(before, PermanentError) else before, journal)
        told, journaled = written_release(Finished(release, entries))
        data = {"schema": str(schema_of_release(release)), "release.json": told, "journal.json": journaled}
        self._put(name, data, "release", item)

    def history(self) -> list[Release]:
        """Finished releases, newest first. One that cannot be read is left out: see `history_problems`."""
        found = [self._release(item) for item in self._finished()]
        return sorted((r for r in found if isinstance(r, Release)), key=lambda release: release.since, reverse=True)

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
        return [item["metadata"]["name"].removeprefix(f"release-{self.name}-") for item in self._finished()]

    def attempts(self, identity: str) -> int:
        """The highest attempt of the release of this id in the history, 0 without any. By the names alone: an attempt
        that cannot be read has been made all the same, and its number must not be given out twice."""
        prefix, names = f"{identity}-", self.names()
        numbers = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def _finished(self) -> list[dict[str, Any]]:
        selector = f"flipgate.dev/application={self.name},flipgate.dev/kind=release"
        return self._cluster.items(self._path(), labelSelector=selector)

    def _release(self, item: dict[str, Any]) -> Release | PermanentError:
        name = item["metadata"]["name"]
        try:
            release = Release.model_validate_json((item.get("data") or {}).get("release.json", ""))
        except ValidationError as error:
            fact = _newer(item) or _first_problem(error)
        else:
            if release.changes and all(change.at.tzinfo for change in release.changes):
                return release
            fact = "it does not say when it ended"
        return _unreadable(fact, f"release in ConfigMap {self.namespace}/{name}", self.namespace, name)

    def _journal(self, item: dict[str, Any]) -> tuple[JournalEntry, ...] | PermanentError:
        """A release that was finished before journals were kept has none."""
        name, text = item["metadata"]["name"], (item.get("data") or {}).get("journal.json", "[]")
        try:
            journal = JOURNAL.validate_json(text)
        except ValidationError as error:
            fact = _newer(item) or _first_problem(error)
        else:
            if all(entry.at.tzinfo and (entry.ended or entry.at).tzinfo for entry in journal):
                return journal
            fact = "an entry does not say when it was"
        return _unreadable(fact, f"journal in ConfigMap {self.namespace}/{name}", self.namespace, name)

    def _read(self) -> tuple[Record, str]:
        path = self._path(f"record-{self.name}")
        try:
            obj = self._cluster.get(path)
        except NotFound as error:
            raise NotFound(
                "has no record yet: nothing is managed",
                obj=f"application {self.name}",
                next_command=f"flipgate adopt {self.name} (flipgate init, where nothing ran yet)",
            ) from error
        text = (obj.get("data") or {}).get("record.json", "")
        return parse_record(text, self.name, self.namespace), obj["metadata"]["resourceVersion"]

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


def applications(cluster: Reader, namespace: str) -> list[str]:
    """The names of all applications that `apply` wrote into flipgate's namespace."""
    path = address("ConfigMap", namespace)
    items = cluster.items(path, labelSelector="flipgate.dev/kind=application")
    return sorted(item["metadata"]["labels"]["flipgate.dev/application"] for item in items)


@lru_cache(maxsize=PARSED_KEPT)
def parse_record(text: str, name: str, namespace: str) -> Record:
    """Reads a record's JSON. A newer schema and a garbled text are two different refusals, never a fresh start."""
    try:
        found = parse_json(text).get("schema")
    except (NotJson, AttributeError) as error:
        raise _bad_record("it is not the JSON flipgate writes", name, namespace) from error
    if not isinstance(found, int):
        raise _bad_record("it does not say which schema it is of", name, namespace)
    if found > SCHEMA_VERSION:
        raise Refused(
            f"was {_by_newer(found)}",
            obj=f"record of {name}",
            reason=Why.NEWER_RECORD,
            untouched="everything",
            next_command="upgrade flipgate",
        )
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        raise _bad_record(_first_problem(error), name, namespace) from error


def _by_newer(schema: int) -> str:
    return f"written by a newer flipgate (schema {schema}, this one knows {SCHEMA_VERSION})"


def _newer(item: dict[str, Any]) -> str:
    """That an object of the history is a newer flipgate's; empty where it is not."""
    schema = str((item.get("data") or {}).get("schema", ""))
    return _by_newer(int(schema)) if schema.isdecimal() and int(schema) > SCHEMA_VERSION else ""


def _bad_record(why: str, name: str, namespace: str) -> PermanentError:
    return _unreadable(why, f"record of {name}", namespace, f"record-{name}")


def _unreadable(why: str, what: str, namespace: str, config_map: str) -> PermanentError:
    return PermanentError(
        f"cannot be read: {why}",
        obj=what,
        untouched="everything",
        next_command=f"kubectl -n {namespace} get configmap {config_map} -o yaml",
    )


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    more = f" (the first of {error.error_count()} problems)" if error.error_count() > 1 else ""
    return (f"{place}: " if place else "") + first["msg"] + more


def _version(obj: dict[str, Any] | None) -> str:
    return str(obj["metadata"]["resourceVersion"]) if obj else ""


def _stored(record: Record) -> tuple[Record, dict[str, str]]:
    """The record as it will be read back, and what is written."""
    record, text = written(record)
    return record, {"record.json": text}


def stamp_time(now: datetime) -> str:
    """A time as Kubernetes' MicroTime wants it."""
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

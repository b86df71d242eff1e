"""Where the cluster remembers: ConfigMaps and one Lease in flipgate's own namespace.

ConfigMaps and not custom resources: a team that may create a namespace can use flipgate, no cluster-wide schema has to
be installed, and `kubectl get cm record-APP -o yaml` shows all there is. Each write of the record is conditional on
the version read; a loser reads again and decides again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from copy import copy
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import Cluster, Reader
from flipgate.adapters.connection import READ_SECONDS
from flipgate.adapters.history import PAUSE_SECONDS, WRITE_TRIES, History, by_newer, first_problem, unreadable
from flipgate.adapters.memory import Memory
from flipgate.core.record.record import SCHEMA_VERSION, Record
from flipgate.core.record.size import written
from flipgate.core.spec.application import Application, load_application
from flipgate.core.values.errors import Conflict, LostLease, NotFound, PermanentError, Refused, about
from flipgate.core.values.foreign import NotJson, parse_json
from flipgate.core.values.reasons import Why
from flipgate.core.way_back.unwatched import Reconciled

PARSED_KEPT = 8
"""Records that are kept as they were parsed: who waits reads the same text again and again. A record is frozen."""


class Store(History):
    """The application, the record and the history of one application, in namespace `namespace`."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        super().__init__(cluster, namespace, name)
        self._epoch: int | None = None
        self._noted: dict[str, Any] | None = None
        """When reconcile last succeeded, where that was read with all others'."""
        self._ours: list[tuple[Record, str]] = []
        """The record as we wrote it last, and its version then; known to each Store that came of this one."""

    def with_epoch(self, epoch: int, cluster: Cluster) -> Store:
        """The same, which writes by this client; its writes of the record are refused once that is of another epoch."""
        fenced = copy(self)
        fenced._epoch, fenced._cluster = epoch, cluster
        return fenced

    def knowing(self, noted: dict[str, Any] | None) -> Store:
        """The same, which has seen this object with reconcile's last success."""
        known = copy(self)
        known._noted = noted
        return known

    def remembering(self, memory: Memory) -> Store:
        """The same, whose reads may be as old as this memory keeps them."""
        remembers = copy(self)
        remembers._cluster = self._cluster.remembering(memory)
        return remembers

    def of(self, name: str) -> Store:
        """That of another application of this cluster, in the same namespace."""
        return Store(self._cluster, self.namespace, name)

    def application(self) -> Application:
        """The application as `apply` wrote it. Raises NotFound with what to type."""
        return self.declared(self.application_text())

    def application_text(self) -> str:
        """Its file. Raises NotFound like `application`."""
        try:
            obj = self._cluster.get(self._path(f"application-{self.name}"))
        except NotFound as error:
            raise NotFound(
                "is not known to this cluster",
                obj=f"application {self.name}",
                next_command="flipgate apply -f APP.yaml",
            ) from error
        text: str = (obj.get("data") or {}).get("application.yaml", "")
        return text

    def declared(self, text: str) -> Application:
        """The application that this text of its file declares."""
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
            obj = (None if tried else self._noted) or self._cluster.find(self._path(name))
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
            raise unreadable(first_problem(error), what, self.namespace, name) from error

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


def applications(cluster: Reader, namespace: str) -> list[str]:
    """The names of all applications that `apply` wrote into flipgate's namespace."""
    return sorted(files(cluster, namespace))


def files(cluster: Reader, namespace: str) -> dict[str, str]:
    """The file of each application that `apply` wrote into flipgate's namespace, as text, by the application's name."""
    written = _of_each(cluster, namespace, "application")
    return {name: (item.get("data") or {}).get("application.yaml", "") for name, item in written.items()}


def noted(cluster: Reader, namespace: str) -> dict[str, dict[str, Any]]:
    """The object with reconcile's last success, of each application that has one."""
    return _of_each(cluster, namespace, "reconcile")


def _of_each(cluster: Reader, namespace: str, kind: str) -> dict[str, dict[str, Any]]:
    items = cluster.items(address("ConfigMap", namespace), labelSelector=f"flipgate.dev/kind={kind}")
    labelled = ((item["metadata"]["labels"].get("flipgate.dev/application"), item) for item in items)
    return {name: item for name, item in labelled if item["metadata"]["name"] == f"{kind}-{name}"}


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
            f"was {by_newer(found)}",
            obj=f"record of {name}",
            reason=Why.NEWER_RECORD,
            untouched="everything",
            next_command="upgrade flipgate",
        )
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        raise _bad_record(first_problem(error), name, namespace) from error


def _bad_record(why: str, name: str, namespace: str) -> PermanentError:
    return unreadable(why, f"record of {name}", namespace, f"record-{name}")


def _version(obj: dict[str, Any] | None) -> str:
    return str(obj["metadata"]["resourceVersion"]) if obj else ""


def _stored(record: Record) -> tuple[Record, dict[str, str]]:
    """The record as it will be read back, and what is written."""
    record, text = written(record)
    return record, {"record.json": text}


def stamp_time(now: datetime) -> str:
    """A time as Kubernetes' MicroTime wants it."""
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""The Lease that keeps two actors apart while they act on one application.

Taken over by observed silence: a contender watches the holder's renewals with its own clock and never compares its
clock with the holder's timestamps. Rollback does not wait: it takes the Lease at once (`steal`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import FIELD_MANAGER, Cluster
from flipgate.adapters.store import stamp_time
from flipgate.core.values.errors import Conflict, FlipgateError, LostLease, NotFound, Refused, TemporaryError
from flipgate.core.values.reasons import Why

SILENCE_SECONDS = 10.0
RENEWALS_IN_A_SILENCE = 5
"""A holder renews so often that four lost renewals in a row still do not look like death."""


class Lease:
    """Holds `flipgate-APP` as `holder` until released; a daemon thread renews it."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        application: str,
        holder: str,
        now: Callable[[], datetime],
        *,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._cluster, self._now = cluster, now
        self._name, self._namespace, self.holder = f"flipgate-{application}", namespace, holder
        self._silence = silence_seconds
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._taken_by = ""
        self._written: dict[str, Any] = {}
        """The Lease as we wrote it last."""
        self._renewed = 0.0
        """When it was taken or renewed last, by the monotonic clock."""
        self._thread: threading.Thread | None = None

    def acquire(self, *, steal: bool = False, patience_seconds: float | None = None) -> None:
        """Takes the Lease: free, silent for `silence_seconds`, or, with `steal`, at once.

        Raises Refused when another holder is alive after `patience_seconds` (default: one silence and a bit).
        """
        patience = self._silence * 1.5 if patience_seconds is None else patience_seconds
        began = time.monotonic()
        seen, since = "", began
        while True:
            lease = self._cluster.find(self._path(self._name))
            spec = (lease or {}).get("spec", {})
            mark = f"{spec.get('holderIdentity')}/{spec.get('renewTime')}/{spec.get('leaseTransitions')}"
            if mark != seen:
                seen, since = mark, time.monotonic()
            free = not spec.get("holderIdentity") or spec["holderIdentity"] == self.holder
            if steal or free or time.monotonic() - since >= self._silence:
                if self._take(lease):
                    break
                continue
            if time.monotonic() - began >= patience:
                raise Refused(
                    f"is held by {spec['holderIdentity']}, which is alive",
                    obj=f"Lease {self._namespace}/{self._name}",
                    reason=Why.LEASE_HELD,
                    untouched="routes and sides",
                )
            time.sleep(min(0.5, self._silence / 10))
        self._thread = threading.Thread(target=self._renew, name=f"lease {self._name}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises LostLease once a renewal has found another holder. Who was stopped by its machine for longer than a
        silence asks first: nothing was renewed meanwhile."""
        if time.monotonic() - self._renewed > self._silence and not self._lost.is_set():
            with suppress(TemporaryError):  # the record's epoch is the fence, not this
                self._ask()
        self._need()

    def _ask(self) -> None:
        self._lost_to((self._cluster.find(self._path(self._name)) or {}).get("spec", {}).get("holderIdentity"))

    def _need(self) -> None:
        if self._lost.is_set():
            raise LostLease(
                f"was taken over by {self._taken_by or 'another actor'}",
                obj=f"Lease {self._namespace}/{self._name}",
                untouched="everything from here on",
            )

    def confirm(self) -> None:
        """Asks the API server whether the Lease is still ours, instead of waiting for a renewal to find out."""
        self._ask()
        self._need()

    def _lost_to(self, holder: str | None) -> bool:
        """Whether it is no longer ours; who has it is kept for the message."""
        if holder != self.holder:
            self._taken_by = holder or ""
            self._lost.set()
        return self._lost.is_set()

    def release(self) -> None:
        """Gives the Lease back if it is still ours; never raises."""
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=5)
        with suppress(FlipgateError):  # another actor has it, or the cluster is away: silence gives it back
            try:
                self._give_back(self._written)
            except Conflict:  # somebody has written it since, and it may be ours all the same
                self._give_back(self._cluster.get(self._path(self._name)))

    def _give_back(self, lease: dict[str, Any]) -> None:
        if lease.get("spec", {}).get("holderIdentity") == self.holder:
            lease["spec"] |= {"holderIdentity": "", "renewTime": stamp_time(self._now())}
            self._written = self._cluster.replace(self._path(self._name), lease)

    def _take(self, lease: dict[str, Any] | None) -> bool:
        spec = {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": round(self._silence) or 1,
            "acquireTime": stamp_time(self._now()),
            "renewTime": stamp_time(self._now()),
            "leaseTransitions": (lease or {}).get("spec", {}).get("leaseTransitions", 0) + 1,
        }
        labels = {
            "app.kubernetes.io/managed-by": FIELD_MANAGER,
            "flipgate.dev/application": self._name.removeprefix("flipgate-"),
        }
        meta: dict[str, Any] = {"name": self._name, "namespace": self._namespace, "labels": labels}
        obj = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}
        try:
            if lease is None:
                self._written = self._cluster.create(self._path(), obj)
            else:
                meta["resourceVersion"] = lease["metadata"]["resourceVersion"]
                self._written = self._cluster.replace(self._path(self._name), obj)
        except Conflict:
            return False
        self._renewed = time.monotonic()
        return True

    def _renew(self) -> None:
        while not self._stop.wait(self._silence / RENEWALS_IN_A_SILENCE):
            try:
                lease = self._cluster.get(self._path(self._name))
                if self._lost_to(lease["spec"].get("holderIdentity")):
                    return
                lease["spec"]["renewTime"] = stamp_time(self._now())
                self._written = self._cluster.replace(self._path(self._name), lease)
                self._renewed = time.monotonic()
            except NotFound:
                self._lost.set()
                return
            except TemporaryError:
                continue  # a conflict or a short outage: look again; the record's epoch is the fence, not this clock
            except FlipgateError:
                self._lost.set()
                return

    def _path(self, name: str = "") -> str:
        return address("Lease", self._namespace, name)

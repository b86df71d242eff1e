"""Kubernetes Events on one object. Best effort: short limits, and told twice is one."""

from __future__ import annotations

from collections.abc import Iterable

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import Cluster, Reader
from flipgate.core.record.announcement import Announcement
from flipgate.core.record.events import InvolvedObject, event
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.values.errors import Conflict

TIMEOUT_SECONDS = 3.0


def find_uid(cluster: Reader, involved: InvolvedObject, api_version: str) -> str:
    """Which object of that name it is: one that is deleted and made again is another. Raises NotFound."""
    plural = KINDS[involved.kind].plural if involved.kind in KINDS else f"{involved.kind.lower()}s"  # a workload's
    path = f"/apis/{api_version}/namespaces/{involved.namespace}/{plural}/{involved.name}"
    meta = cluster.get(path, timeout=TIMEOUT_SECONDS).get("metadata") or {}
    return str(meta.get("uid", ""))


def write_events(
    cluster: Cluster,
    application: str,
    involved: InvolvedObject,
    api_version: str,
    uid: str,
    messages: Iterable[Announcement],
) -> None:
    """Writes these announcements as Events on one object, in their order. One that is there already is fine.

    Raises Forbidden, and Unreachable after TIMEOUT_SECONDS.
    """
    for message in messages:
        obj = event(application, message, involved, api_version, uid)
        try:
            cluster.create(address("Event", involved.namespace), obj, timeout=TIMEOUT_SECONDS)
        except Conflict:
            continue  # its name is made of what it says

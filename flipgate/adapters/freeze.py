"""The freeze of all applications: one ConfigMap in flipgate's own namespace, there while they are frozen.

Rolling back reads it nowhere. That of one application stands in its record.
"""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import FIELD_MANAGER, Cluster, Reader
from flipgate.adapters.history import first_problem, unreadable
from flipgate.core.record.freeze import Freeze
from flipgate.core.values.errors import Conflict, NotFound

NAME: Final = "freeze-all"
KEY: Final = "freeze.json"


def read_freeze(cluster: Reader, namespace: str) -> Freeze | None:
    """Who has frozen all applications; None where nobody has. Raises PermanentError when that cannot be read."""
    try:
        obj = cluster.get(address("ConfigMap", namespace, NAME))
    except NotFound:
        return None
    try:
        return Freeze.model_validate_json((obj.get("data") or {}).get(KEY, ""))
    except ValidationError as error:
        raise unreadable(first_problem(error), f"ConfigMap {namespace}/{NAME}", namespace, NAME) from error


def write_freeze(cluster: Cluster, namespace: str, freeze: Freeze) -> Freeze:
    """Freezes all applications. Returns the freeze that there is from then on: an earlier one stays. Raises
    PermanentError where that cannot be read."""
    labels = {"app.kubernetes.io/managed-by": FIELD_MANAGER, "flipgate.dev/kind": "freeze"}
    meta = {"name": NAME, "namespace": namespace, "labels": labels}
    data = {KEY: freeze.model_dump_json(by_alias=True, indent=1)}
    try:
        cluster.create(
            address("ConfigMap", namespace), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
        )
    except Conflict:
        return read_freeze(cluster, namespace) or freeze
    return freeze


def delete_freeze(cluster: Cluster, namespace: str) -> None:
    """Thaws all applications, whatever the ConfigMap holds. Does nothing where there is none."""
    cluster.delete(address("ConfigMap", namespace, NAME))

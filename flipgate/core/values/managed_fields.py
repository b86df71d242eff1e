"""Who wrote a field of an object last, as the API server keeps it in `metadata.managedFields`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Final

from flipgate.core.values.frozen import dataclass

OURS: Final = "flipgate"
"""The name of the manager under which flipgate itself writes."""
APPLY: Final = "Apply"
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Writer:
    """A manager that owns a field: `kustomize-controller`, `kubectl`, `kube-controller-manager` (autoscalers), ...

    `operation` is Apply (it has the field in a source of its own, and writes it again) or Update. `at` is when it
    changed any of the fields it owns last; None where the API server does not say.
    """

    manager: str
    operation: str
    at: datetime | None = None

    def __str__(self) -> str:
        when = f" at {self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if self.at else ""
        return f"{self.manager} ({self.operation}){when}"


def writer_of(meta: Mapping[str, Any], *path: str) -> Writer | None:
    """Returns who owns the field at this path (`f:spec`, `f:replicas`). Of several that agree on its value it is the
    latest: one who found it so already has no time of its own. None where nobody is named: the entries may be stripped.
    """
    return latest(
        _writer(entry) for entry in meta.get("managedFields") or [] if _at(entry.get("fieldsV1"), path) is not None
    )


def writer_at(meta: Mapping[str, Any], pointer: str) -> Writer | None:
    """Returns who owns the field at this JSON pointer, as `writer_of`. What stands in a list is owned with all of it:
    the lists of routes are atomic, as lists of custom resources are whose CRD says nothing else."""
    above = takewhile(lambda part: not part.isdigit(), pointer.split("/")[1:])
    return writer_of(meta, *(f"f:{part}" for part in above))


def latest(writers: Iterable[Writer | None]) -> Writer | None:
    """Returns the one of these who wrote last; None where there is none."""
    return max((each for each in writers if each), key=lambda each: each.at or _EARLIEST, default=None)


def written_by_us(meta: Mapping[str, Any]) -> datetime | None:
    """Returns when flipgate itself wrote the object last, its status aside; None where the API server does not say."""
    entries = [each for each in meta.get("managedFields") or [] if each.get("manager") == OURS]
    times = [moment_of(each.get("time")) for each in entries if not each.get("subresource")]
    return max((each for each in times if each), default=None)


def image_writers(meta: Mapping[str, Any], template: tuple[str, ...]) -> dict[str, Writer]:
    """Returns who owns the image of each container of the pod template at this path, by container name."""
    path = (*template, "f:spec", "f:containers")
    entries = meta.get("managedFields") or []
    names = {name for entry in entries for name in _containers(_at(entry.get("fieldsV1"), path))}
    found = {name: writer_of(meta, *path, f'k:{{"name":"{name}"}}', "f:image") for name in sorted(names)}
    return {name: writer for name, writer in found.items() if writer}


def _containers(fields: Any) -> Iterator[str]:
    """The names in keys as `k:{"name":"web"}`."""
    for key in fields if isinstance(fields, Mapping) else ():
        begin, end = 'k:{"name":"', '"}'
        if key.startswith(begin) and key.endswith(end):
            yield key[len(begin) : -len(end)]


def _at(fields: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(fields, Mapping):
            return None
        fields = fields.get(key)
    return fields


def _writer(entry: Mapping[str, Any]) -> Writer:
    return Writer(entry.get("manager") or "somebody", entry.get("operation") or "Update", moment_of(entry.get("time")))


def moment_of(text: Any) -> datetime | None:
    """Reads a time as the API server writes it; None where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def set_by(writer: Writer | None, did: str) -> str:
    """Returns who did it, to be put behind what was done; empty where nobody is named."""
    return f", {did} by {writer}" if writer else ""

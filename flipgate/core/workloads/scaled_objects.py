"""KEDA's ScaledObject: that of a worker is paused for as long as its side is dark, and let go when the side begins to
work; that of a service that serves is paused while its side is at rest, and let go when that is brought up again.

KEDA takes a target from 0 to its minimum by its own hand, and from 0 to 1 when a trigger is active. With the annotation
`paused-replicas` it brings the target to that number and holds it there, and with `paused` it leaves it as it is; with
both it goes by the number (keda.sh/docs, "Pause autoscaling"; kedacore/keda, NeedToBePausedByAnnotation and
controllers/keda/scaledobject_controller.go). flipgate pauses at a number, a worker at 0, which KEDA itself sees to: one
that was about to start it takes it back. What somebody else wrote there is noted in an annotation, and put back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from shlex import quote
from typing import Any, Final

from flipgate.core.values.foreign import NotJson, parse_json
from flipgate.core.values.frozen import dataclass
from flipgate.core.workloads.kinds import KINDS
from flipgate.core.workloads.view import Stamped, read_meta

KEDA: Final = "keda.sh"
"""KEDA's API group."""
SCALED_OBJECT: Final = "ScaledObject"
PAUSED: Final = "autoscaling.keda.sh/paused"
PAUSED_AT: Final = "autoscaling.keda.sh/paused-replicas"
BEFORE: Final = "flipgate.dev/paused-replicas-before"
"""Annotation on one that flipgate paused: what PAUSED_AT said before, as JSON; null where it was not there. Paused at
another number than NOTHING: a list of that and the number."""
NOTHING: Final = "0"


@dataclass(frozen=True)
class ScaledObject(Stamped):
    """One ScaledObject of a Deployment or a StatefulSet as it was read."""

    deployment: str = ""
    target: str = "Deployment"
    """The kind of what it scales."""
    paused: bool = False
    """Somebody had KEDA leave what it scales as it is."""
    number: str | None = None
    """The number of pods at which KEDA holds it; None where it holds it at none."""
    before: str | None = None
    """What flipgate noted when it paused it, as it stands there; None where it did not."""
    has_annotations: bool = False

    @property
    def held(self) -> bool:
        """Whether flipgate has it paused: at 0, or what rests with some pods at their number."""
        return self.before is not None and self.number == _noted(self.before)[1]

    @property
    def state(self) -> str:
        """What it says, for the journal."""
        paused = f"paused at {self.number}" if self.number is not None else "paused" if self.paused else "not paused"
        return f"{self.kind} {self.name} {paused}"

    @property
    def rules(self) -> bool:
        """Whether KEDA sets the Deployment's count, by its triggers or by a number."""
        return self.number is not None or not self.paused

    @property
    def pinned(self) -> bool:
        """Whether somebody else has it held at a number, also against a hand-over."""
        return self.number is not None and self.before is None

    def holding(self, count: int = 0) -> list[dict[str, Any]]:
        """Returns the operations that pause it at so many pods, and note what stood there; none where it is so."""
        at = str(count)
        if self.held and self.number == at:
            return []
        noted = {PAUSED_AT: at, BEFORE: self._noting(at)}
        if not self.has_annotations:
            whole = "/metadata/annotations"
            return [{"op": "test", "path": whole, "value": None}, {"op": "add", "path": whole, "value": noted}]
        adding = [{"op": "add", "path": _pointer(key), "value": value} for key, value in noted.items()]
        return [self._as_read(PAUSED_AT, self.number), *adding]

    def letting_go(self) -> list[dict[str, Any]]:
        """Returns the operations that put back what stood there before flipgate paused it; none where it did not. A
        number that somebody has set since stays."""
        if self.before is None:
            return []
        tests = [self._as_read(PAUSED_AT, self.number), self._as_read(BEFORE, self.before)]
        off = {"op": "remove", "path": _pointer(BEFORE)}
        if not self.held:
            return [*tests, off]
        stood, _ = _noted(self.before)
        back = {"op": "remove"} if stood is None else {"op": "add", "value": stood}
        return [*tests, {**back, "path": _pointer(PAUSED_AT)}, off]

    def hold_by_hand(self, count: int = 0) -> str:
        """The command that pauses it as flipgate does."""
        at = str(count)
        return f"{self._annotate} {PAUSED_AT}={at} {quote(f'{BEFORE}={self._noting(at)}')} --overwrite"

    @property
    def let_go_by_hand(self) -> str:
        """The command that has KEDA scale by its triggers again."""
        return f"{self._annotate} {PAUSED_AT}- {BEFORE}-"

    def _noting(self, at: str) -> str:
        """What is noted beside it when it is paused at this number."""
        stood = _noted(self.before)[0] if self.before is not None and self.held else self.number
        return json.dumps(stood if at == NOTHING else [stood, at])

    @property
    def _annotate(self) -> str:
        return f"kubectl -n {self.namespace} annotate scaledobject {self.name}"

    def _as_read(self, key: str, value: str | None) -> dict[str, Any]:
        return {"op": "test", "path": _pointer(key), "value": value}  # null passes where nothing stands there


def read_scaled_object(obj: Mapping[str, Any], namespace: str) -> ScaledObject | None:
    """Reads a ScaledObject; None for one that scales what no service can be."""
    meta, target = obj["metadata"], obj["spec"]["scaleTargetRef"]
    kind = target.get("kind") or "Deployment"
    if kind not in KINDS:
        return None
    said = meta.get("annotations") or {}
    return ScaledObject(
        meta["name"],
        namespace,
        SCALED_OBJECT,
        **read_meta(meta),
        deployment=target["name"],
        target=kind,
        paused=str(said.get(PAUSED, "false")).lower() not in ("false", "f", "0"),
        number=said.get(PAUSED_AT),
        before=said.get(BEFORE),
        has_annotations=meta.get("annotations") is not None,
    )


def _pointer(key: str) -> str:
    return f"/metadata/annotations/{key.replace('/', '~1')}"


def _noted(before: str) -> tuple[str | None, str]:
    """What stood there before flipgate paused it, and the number at which it did."""
    try:
        found = parse_json(before)
    except NotJson:
        return None, NOTHING
    stood, at = found if isinstance(found, list) and len(found) == 2 else (found, NOTHING)
    return stood if isinstance(stood, str) else None, at if isinstance(at, str) else NOTHING

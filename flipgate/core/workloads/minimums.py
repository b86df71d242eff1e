"""The minimum of a HorizontalPodAutoscaler of a service that serves: lowered while its side is at rest.

One with a minimum of 2 brings a service that is to rest with 1 pod back to 2. At 0 pods it leaves alone what it scales,
unless its own minimum is 0 (starters.py). What stood there is noted beside it, in the write that changes it, and put
back by whoever brings the side up again: nothing of it can be half done, and a way back without a record finds it, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from flipgate.core.values.foreign import NotJson, parse_json
from flipgate.core.values.frozen import dataclass
from flipgate.core.workloads.kinds import KINDS
from flipgate.core.workloads.view import Stamped, read_meta

AUTOSCALER: Final = "HorizontalPodAutoscaler"
BEFORE: Final = "flipgate.dev/min-replicas-before"
"""Annotation on one that flipgate holds: `[what stood there, what flipgate set]`, as JSON."""
_LEAST: Final = "/spec/minReplicas"
_BEFORE: Final = f"/metadata/annotations/{BEFORE.replace('/', '~1')}"


@dataclass(frozen=True)
class Minimum(Stamped):
    """One HorizontalPodAutoscaler as it was read."""

    deployment: str = ""
    target: str = "Deployment"
    """The kind of what it scales."""
    least: int = 1
    before: str | None = None
    """What flipgate noted when it lowered it, as it stands there; None where it did not."""
    has_annotations: bool = False

    @property
    def state(self) -> str:
        """What it says, for the journal."""
        return f"{self.kind} {self.name} minimum {self.least}"

    def holding(self, count: int) -> list[dict[str, Any]]:
        """Returns the operations that have it leave so many pods alone, and note what stood there; none where it does.
        What somebody set since flipgate did is theirs, and noted."""
        stood, ours = self._noted() or (self.least, self.least)
        stood = stood if ours == self.least else self.least
        held = min(stood, count or stood) or max(1, count)
        if self.least == held:
            return []
        noted = json.dumps([stood, held])
        test: dict[str, Any] = {"op": "test", "path": _LEAST, "value": self.least}
        lower: dict[str, Any] = {"op": "add", "path": _LEAST, "value": held}
        if not self.has_annotations:
            whole = "/metadata/annotations"
            bare: list[dict[str, Any]] = [
                {"op": "test", "path": whole, "value": None},
                {"op": "add", "path": whole, "value": {BEFORE: noted}},
            ]
            return [test, *bare, lower]
        same = {"op": "test", "path": _BEFORE, "value": self.before}  # null passes where nothing stands there
        return [test, same, {"op": "add", "path": _BEFORE, "value": noted}, lower]

    def letting_go(self) -> list[dict[str, Any]]:
        """Returns the operations that put back what stood there; none where flipgate did not lower it. A minimum that
        somebody has set since stays."""
        if self.before is None:
            return []
        tests: list[dict[str, Any]] = [
            {"op": "test", "path": _LEAST, "value": self.least},
            {"op": "test", "path": _BEFORE, "value": self.before},
        ]
        noted = self._noted()
        back = [{"op": "add", "path": _LEAST, "value": noted[0]}] if noted and noted[1] == self.least else []
        return [*tests, *back, {"op": "remove", "path": _BEFORE}]

    def hold_by_hand(self, count: int) -> str:
        """The command that lowers it as flipgate does."""
        return f"{self._patch} -p='{_json({'spec': {'minReplicas': max(1, count)}})}'"

    @property
    def let_go_by_hand(self) -> str:
        """The command that puts back what stood there."""
        stood = (self._noted() or (self.least, 0))[0]
        part = {"metadata": {"annotations": {BEFORE: None}}, "spec": {"minReplicas": stood}}
        return f"{self._patch} -p='{_json(part)}'"

    @property
    def _patch(self) -> str:
        return f"kubectl -n {self.namespace} patch hpa {self.name} --type=merge"

    def _noted(self) -> tuple[int, int] | None:
        """What stood there, and what flipgate set; None where it says neither."""
        try:
            found = parse_json(self.before or "")
        except NotJson:
            return None
        numbers = isinstance(found, list) and len(found) == 2 and all(type(each) is int for each in found)
        return (found[0], found[1]) if numbers else None


def read_minimum(obj: Mapping[str, Any], namespace: str) -> Minimum | None:
    """Reads a HorizontalPodAutoscaler; None for one that scales what no service can be, or that KEDA made, which comes
    and goes with its ScaledObject."""
    meta, target = obj["metadata"], obj["spec"]["scaleTargetRef"]
    made = any(each.get("kind") == "ScaledObject" for each in meta.get("ownerReferences") or [])
    if target["kind"] not in KINDS or made:
        return None
    return Minimum(
        meta["name"],
        namespace,
        AUTOSCALER,
        **read_meta(meta),
        deployment=target["name"],
        target=target["kind"],
        least=obj["spec"].get("minReplicas", 1),
        before=(meta.get("annotations") or {}).get(BEFORE),
        has_annotations=meta.get("annotations") is not None,
    )


def _json(part: Mapping[str, Any]) -> str:
    return json.dumps(part, separators=(",", ":"))

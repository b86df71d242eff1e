"""Intents: what a step is about to do, one value for each journaled step, and its form in the record.

It is stored as JSON under the keys it always had, and read here only: records of older versions are read, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

from flipgate.core.record.database_intents import (
    OF_DATABASES,
    ContractDatabase,
    DropClone,
    ExpandDatabase,
    LeaveClones,
    MakeClone,
    RevertDatabase,
)
from flipgate.core.record.intent import Intent, mapping
from flipgate.core.traffic.dark_preview import DARK_PREVIEW
from flipgate.core.traffic.preview import PREVIEW_ROUTE
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side
from flipgate.core.values.text import fitted

MOVE_ROUTES: Final = "MoveRoutes"
REST_SIDE: Final = "RestSide"
BRING_UP: Final = "BringUp"
HAND_OVER: Final = "HandOverWorkers"
RESTORE_LIVE_SIDE: Final = "RestoreLiveSide"
START_JOB: Final = "StartJob"
RUN_HOOK: Final = "RunHook"
COPY_OBJECTS: Final = "CopyObjects"
COMMIT_IMAGES: Final = "CommitImages"
COMMIT_ROUTES: Final = "CommitRoutes"
RELEASE_ROUTES: Final = "ReleaseRoutes"
REVERT_IMAGES: Final = "RevertImages"
REQUEST_MERGE: Final = "RequestMerge"
WITHDRAW_REQUEST: Final = "WithdrawRequest"
SET_MAINTENANCE: Final = "SetMaintenance"

RUN_JOBS: Final = frozenset({START_JOB, *OF_DATABASES})
"""Steps that may have a Job run on a side."""
TAKES_LONG: Final = frozenset({RUN_HOOK, *OF_DATABASES})
"""Steps that are open for as long as a program of the application's runs, up to an hour: who only comes by waits for
none of them."""

BEFORE_BYTES: Final = 1_000
"""Of what autoscalers said before a rest: what puts them back stands on them."""
_BACK = "back"
NOBODY: Final = "nobody"
"""Whom a dark preview leads to that is taken away."""


@dataclass(frozen=True)
class Move(Intent):
    """All users to a side. `forced`: a person named it, so routes that name neither side go, too."""

    step: ClassVar[str] = MOVE_ROUTES
    to: Side
    back: bool = False
    forced: bool = False

    @property
    def home(self) -> Side:
        """Where they come from."""
        return self.to.other

    def written(self) -> dict[str, Any]:
        way = {"direction": _BACK, "forced": self.forced} if self.back else {}
        return {"to": str(self.to), "from": str(self.home), **way}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["to"]), stored.get("direction") == _BACK, bool(stored.get("forced")))


@dataclass(frozen=True)
class _To(Intent):
    to: Side

    def written(self) -> dict[str, Any]:
        return {"to": str(self.to)}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["to"]))


@dataclass(frozen=True)
class HandOver(_To):
    """The work that is done on one side only moves to this side."""

    step: ClassVar[str] = HAND_OVER


@dataclass(frozen=True)
class Preview(Intent):
    """A host leads to a side while its preview is asked for."""

    step: ClassVar[str] = PREVIEW_ROUTE
    to: Side
    host: str

    def written(self) -> dict[str, Any]:
        return {"to": str(self.to), "host": self.host}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["to"]), str(stored.get("host", "")))


@dataclass(frozen=True)
class DarkPreview(Intent):
    """A host leads to a side while a release is dark there; without a side, to nobody."""

    step: ClassVar[str] = DARK_PREVIEW
    to: Side | None
    host: str

    def written(self) -> dict[str, Any]:
        return {"to": str(self.to or NOBODY), "host": self.host}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        to = stored["to"]
        return cls(None if to == NOBODY else Side(to), str(stored.get("host", "")))


@dataclass(frozen=True)
class _On(Intent):
    """For a release on its side: which images, and how many pods, the release says."""

    side: Side

    def written(self) -> dict[str, Any]:
        return {"side": str(self.side)}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["side"]))


@dataclass(frozen=True)
class BringUp(_On):
    """A side gets its release's images, and is scaled to what the release wants."""

    step: ClassVar[str] = BRING_UP


@dataclass(frozen=True)
class _Scaled(Intent):
    side: Side
    replicas: Mapping[str, int]

    def written(self) -> dict[str, Any]:
        return {"side": str(self.side), "replicas": dict(self.replicas)}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["side"]), mapping(stored.get("replicas")))


@dataclass(frozen=True)
class Rest(_Scaled):
    """A side goes down to these counts. `before`: what the autoscalers said that are held for it, in words."""

    step: ClassVar[str] = REST_SIDE
    before: str = ""

    def written(self) -> dict[str, Any]:
        more = {"before": fitted(self.before, BEFORE_BYTES)} if self.before else {}
        return {**super().written(), **more}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["side"]), mapping(stored.get("replicas")), str(stored.get("before", "")))


@dataclass(frozen=True)
class Restore(_Scaled):
    """The live side, which a rest had shrunk, is scaled up to these counts."""

    step: ClassVar[str] = RESTORE_LIVE_SIDE


@dataclass(frozen=True)
class StartJob(Intent):
    """A task's Job is let run on a side."""

    step: ClassVar[str] = START_JOB
    side: Side
    job: str

    def written(self) -> dict[str, Any]:
        return {"side": str(self.side), "job": self.job}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["side"]), str(stored.get("job", "")))


@dataclass(frozen=True)
class RunHook(Intent):
    """A hook that is no Job is run about a side."""

    step: ClassVar[str] = RUN_HOOK
    side: Side
    hook: str

    def written(self) -> dict[str, Any]:
        return {"side": str(self.side), "hook": self.hook}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["side"]), str(stored.get("hook", "")))


@dataclass(frozen=True)
class CopyObjects(Intent):
    """Secrets and ConfigMaps are copied from the live side to this one: their kinds and names, never their content."""

    step: ClassVar[str] = COPY_OBJECTS
    side: Side
    objects: str

    def written(self) -> dict[str, Any]:
        return {"side": str(self.side), "objects": fitted(self.objects, BEFORE_BYTES)}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["side"]), str(stored.get("objects", "")))


@dataclass(frozen=True)
class CommitImages(_On):
    """A side's overlay in Git is to say its release's images."""

    step: ClassVar[str] = COMMIT_IMAGES


@dataclass(frozen=True)
class CommitRoutes(_To):
    """The routes' files in Git are to lead to this side, as the routes do."""

    step: ClassVar[str] = COMMIT_ROUTES


@dataclass(frozen=True)
class ReleaseRoutes(_To):
    """Flux is to keep the routes, which lead to this side, as Git has them again."""

    step: ClassVar[str] = RELEASE_ROUTES


@dataclass(frozen=True)
class _Branch(Intent):
    to: Side
    branch: str

    def written(self) -> dict[str, Any]:
        return {"to": str(self.to), "branch": self.branch}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["to"]), str(stored["branch"]))


@dataclass(frozen=True)
class RequestMerge(_Branch):
    """A branch of flipgate's own leads the routes' files to this side, and people are asked to merge it."""

    step: ClassVar[str] = REQUEST_MERGE


@dataclass(frozen=True)
class WithdrawRequest(_Branch):
    """Such a branch, which leads to this side, is to change nothing any more."""

    step: ClassVar[str] = WITHDRAW_REQUEST


@dataclass(frozen=True)
class RevertImages(Intent):
    """A side's overlay in Git is to be as it was before this release's commit."""

    step: ClassVar[str] = REVERT_IMAGES
    side: Side
    release: str

    def written(self) -> dict[str, Any]:
        return {"side": str(self.side), "release": self.release}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["side"]), str(stored["release"]))


@dataclass(frozen=True)
class SetMaintenance(Intent):
    """The flag that users are being moved is set: which key, and its value then."""

    step: ClassVar[str] = SET_MAINTENANCE
    flag: str
    value: str

    def written(self) -> dict[str, Any]:
        return {"flag": self.flag, "value": self.value}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(str(stored["flag"]), str(stored["value"]))


INTENTS: Final[tuple[type[Intent], ...]] = (
    Move,
    HandOver,
    Preview,
    DarkPreview,
    BringUp,
    Rest,
    Restore,
    StartJob,
    RunHook,
    CopyObjects,
    CommitImages,
    CommitRoutes,
    ReleaseRoutes,
    RequestMerge,
    WithdrawRequest,
    RevertImages,
    ExpandDatabase,
    ContractDatabase,
    RevertDatabase,
    SetMaintenance,
    MakeClone,
    LeaveClones,
    DropClone,
)

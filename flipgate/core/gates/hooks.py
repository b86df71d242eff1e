"""Hooks: what an application declares to be done at a point of a release's way, once for each release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from flipgate.core.gates.task import AskingTask, Kind
from flipgate.core.record.phases import Phase
from flipgate.core.record.release import PROOFS_KEPT, FrozenEvidence, Release
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.nearest import hint
from flipgate.core.values.verdicts import Evidence, Verdict

MOST_HOOKS: Final = PROOFS_KEPT
"""Of one application: the record keeps so many verdicts of one point."""
STEP: Final = "hooks "
"""What the name of a judgement begins with that hooks of one point are kept under."""
HTTP_SECONDS: Final = 60
"""The longest that an HTTP request may take: an answer that comes later may never come through what is between."""


class HookPoint(StrEnum):
    """Where on a release's way a hook is run."""

    BEFORE_BRING_UP = "before-bring-up"
    AFTER_READY = "after-ready"
    BEFORE_FLIP = "before-flip"
    AFTER_FLIP = "after-flip"
    AFTER_SETTLED = "after-settled"

    @property
    def row(self) -> Point:
        return POINTS[self]

    @property
    def step(self) -> str:
        """What its verdicts are kept under."""
        return f"{STEP}{self}"


@dataclass(frozen=True)
class Point:
    """What holds at one point. `phase`: where the release stands when its hooks run. `stops`: one that does not pass
    ends what it stands before; else it is told, and nothing moves. `dark`: users are on the other side."""

    phase: Phase
    stops: bool
    dark: bool


POINTS: Final[Mapping[HookPoint, Point]] = MappingProxyType(
    {
        HookPoint.BEFORE_BRING_UP: Point(Phase.DEPLOYING, stops=True, dark=True),
        HookPoint.AFTER_READY: Point(Phase.DEPLOYING, stops=True, dark=True),
        HookPoint.BEFORE_FLIP: Point(Phase.DARK, stops=True, dark=True),
        HookPoint.AFTER_FLIP: Point(Phase.BAKING, stops=False, dark=False),
        HookPoint.AFTER_SETTLED: Point(Phase.SETTLED, stops=False, dark=False),
    }
)


def _known(word: Any) -> Any:
    if isinstance(word, str) and word not in [*HookPoint]:
        raise ValueError(f'unknown point "{word}"; {hint(word, HookPoint)}')
    return word


class Hook(AskingTask):
    """Something that is done at a point of a release's way, once: a Job on its side (job, or workload and run), a
    program (command), or an HTTP request to one of its services (path). Killed half way, it is run again."""

    noun: ClassVar[str] = "hook"
    kind_keys: ClassVar[Mapping[Kind, frozenset[str]]] = MappingProxyType(
        {**AskingTask.kind_keys, "http": AskingTask.kind_keys["http"] | {"method", "timeout_seconds"}}
    )

    at: Annotated[HookPoint, BeforeValidator(_known)] = Field(
        description="When: before-bring-up, after-ready, before-flip, after-flip, after-settled."
    )
    method: Literal["GET", "POST"] = Field(default="GET", description="Of an HTTP request. POST has an empty body.")
    on_failure: Literal["tell", "rollBack"] = Field(
        default="tell",
        description="After the flip, where it does not pass. rollBack: as a bake that failed, users go back.",
    )

    @model_validator(mode="after")
    def _fits_its_point(self) -> Hook:
        if self.on_failure != "tell" and self.at is not HookPoint.AFTER_FLIP:
            raise ValueError(f'hook "{self.name}" has onFailure, which only one at {HookPoint.AFTER_FLIP} has')
        if self.path is not None:
            if self.service is None:
                raise ValueError(f'hook "{self.name}" needs service: whom it asks')
            if "timeout_seconds" in self.model_fields_set and self.timeout_seconds > HTTP_SECONDS:
                raise ValueError(f'hook "{self.name}" has timeoutSeconds, of an HTTP request at most {HTTP_SECONDS}')
        return self

    @property
    def limit_seconds(self) -> int:
        """How long it may take at most."""
        return min(self.timeout_seconds, HTTP_SECONDS) if self.path else self.timeout_seconds

    @property
    def what(self) -> str:
        return f"{self.method} {super().what}" if self.path else super().what

    @property
    def wanted(self) -> str:
        return f"status {self.status} within {self.limit_seconds} s" if self.path else super().wanted

    @property
    def line(self) -> str:
        """In a plan."""
        follows = ", users go back where it fails" if self.on_failure == "rollBack" else ""
        return f"{self.name} at {self.at}: {self.what} (for at most {self.limit_seconds} s{follows})"


def hooks_at(hooks: Sequence[Hook], *points: HookPoint) -> tuple[Hook, ...]:
    """Returns the hooks of these points, in the order in which they run."""
    return tuple(hook for point in points for hook in hooks if hook.at is point)


def said_before(hook: Hook, release: Release, now: datetime) -> Evidence | None:
    """Returns what the release's own record says of a hook that is not to be run again: it passed; or it has been
    judged, and a verdict of it stops nothing. None of one that has to be run."""
    proof = _proof(hook, release)
    if proof is None or proof.verdict == Verdict.INFO:
        return None
    if proof.verdict != Verdict.PASS and (hook.at.row.stops or hook.on_failure == "rollBack"):
        return None
    said = next(each for each in release.judgements if each.step == hook.at.step)
    ago = f"{max(0.0, (now - said.at).total_seconds()):.0f} s ago, for this release"
    return Evidence(hook.name, Verdict(proof.verdict), hook.what, "record", f"{ago}: {proof.detail}", "")


def shown_before_flip(hooks: Sequence[Hook], release: Release, now: datetime) -> Iterator[Evidence]:
    """Yields what the hooks of a release that is dark said while it came up, for whoever is asked about the flip."""
    for hook in hooks_at(hooks, HookPoint.BEFORE_BRING_UP, HookPoint.AFTER_READY):
        new = "never run for this release: it is new in the file since"
        yield said_before(hook, release, now) or Evidence(hook.name, Verdict.INFO, hook.what, "record", new, "")


def runs_since(hook: Hook, place: str, now: datetime) -> Evidence:
    """Returns what is noted of one that begins: whoever looks meanwhile sees it."""
    answer = f"runs since {now:%Y-%m-%d %H:%M:%S} UTC, for at most {hook.limit_seconds} s"
    return Evidence(hook.name, Verdict.INFO, hook.what, place, answer, "")


def is_to_run(hook: Hook) -> Evidence:
    """Returns what is noted of one that follows the end of its release, in the write that ends it: what is declared
    later is not run for a release of before, and what a death has left is found."""
    return Evidence(hook.name, Verdict.INFO, hook.what, "nobody yet", "is to run", "")


def awaited(hooks: Sequence[Hook], release: Release) -> tuple[Hook, ...]:
    """Returns which of these the release's record says to be begun, or still to be run."""
    found = ((hook, _proof(hook, release)) for hook in hooks)
    return tuple(hook for hook, proof in found if proof and proof.verdict == Verdict.INFO)


def _proof(hook: Hook, release: Release) -> FrozenEvidence | None:
    proofs = (proof for said in release.judgements if said.step == hook.at.step for proof in said.proofs)
    return next((proof for proof in proofs if proof.gate == hook.name), None)

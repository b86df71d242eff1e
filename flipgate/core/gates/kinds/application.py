"""A gate that another application's record answers: "the release has settled on staging"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from pydantic import Field, model_validator

from flipgate.core.gates.kinds.kind import GateKind, Keys, Measure, Reader, Rule, left_out
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample, Limit
from flipgate.core.gates.words import answered, unfit, without_failures
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Record
from flipgate.core.spec.fields import AppName


class SettledElsewhere(Rule):
    """What has to be so of another application."""

    name: AppName = Field(
        description="The application, as `flipgate status` lists it. No release of it may be under way."
    )
    hours: float | None = Field(
        default=None, gt=0, exclude_if=left_out, description="Its last release settled at most so many hours ago."
    )
    same_images: bool = Field(
        default=False,
        exclude_if=lambda wanted: not wanted,
        description="Each image of this release is live there, by the same reference.",
    )

    @model_validator(mode="after")
    def _asks_something(self) -> SettledElsewhere:
        if self.hours is None and not self.same_images:
            raise ValueError("asks nothing of a release there; declare hours, sameImages, or both")
        return self


class ApplicationKeys(Keys):
    """The keys of a gate on another application."""

    application: SettledElsewhere | None = Field(
        default=None,
        exclude_if=left_out,
        description="Another application on this cluster, by what flipgate remembers of it: settled, and with what.",
    )


class ApplicationGate(GateKind[ApplicationKeys]):
    word = "application"
    keys = ApplicationKeys
    whom = "another application's record"
    in_words = True

    def problems(self, gate: ApplicationKeys) -> Iterator[str]:
        yield from without_failures(gate)

    def unfit(self, gate: ApplicationKeys, point: GatePoint) -> str:
        return unfit(point)

    def reads(self, gate: ApplicationKeys) -> str:
        return _wanted(gate).name

    def asked(self, gate: ApplicationKeys) -> str:
        return f"application {_wanted(gate).name}"

    def of(self, gate: ApplicationKeys) -> str:
        return "release"

    def limit(self, gate: ApplicationKeys) -> Limit:
        return Limit(0)

    def threshold(self, gate: ApplicationKeys, sample: GateSample) -> str:
        wanted = _wanted(gate)
        settled = f"settled within {wanted.hours:g} h" if wanted.hours else "settled"
        return f"{settled}, with the same images" if wanted.same_images else settled

    def measure(self, gate: ApplicationKeys, reader: Reader) -> Measure:
        wanted = _wanted(gate)

        def measure(at: float) -> GateSample:
            record, images = reader.record_of(wanted.name), reader.images()
            if wanted.same_images and not images:
                return GateSample(at, None, "no release is open whose images could be compared", worded=True)
            missed = [*_missed(wanted, record, images, reader.now())]
            return answered(at, "; ".join(missed) or _said(record), not missed)

        return measure


def _wanted(gate: ApplicationKeys) -> SettledElsewhere:
    assert gate.application is not None, gate.name
    return gate.application


def _missed(wanted: SettledElsewhere, record: Record, images: Mapping[str, str], now: datetime) -> Iterator[str]:
    """What is not so there. One that is rolled back is not settled: its side is kept for a look."""
    if record.release is not None:
        yield f"release {record.release.name} is `{record.phase}`"
    if wanted.hours is not None:
        yield from _not_lately(wanted.hours, record, now)
    if wanted.same_images:
        live = {*record.sides[record.active].images.values()}
        for service, image in sorted(images.items()):
            if image not in live:
                yield f"{image} ({service}) is not live there"


def _not_lately(hours: float, record: Record, now: datetime) -> Iterator[str]:
    last = record.last
    if last is None:
        yield "no release has settled there"
    elif last.phase is not Phase.SETTLED:
        yield f"its last release {last.name} is `{last.phase}`"
    elif (ago := (now - last.since).total_seconds() / 3600) > hours:
        yield f"release {last.name} settled {ago:.1f} h ago"


def _said(record: Record) -> str:
    last = record.last
    if last is None or last.phase is not Phase.SETTLED:
        return f"settled, with {record.active} live"
    return f"release {last.name} settled at {last.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

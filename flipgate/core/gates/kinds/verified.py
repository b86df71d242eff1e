"""A gate on time: how long the dark side has been up and checked without users."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Final

from pydantic import Field

from flipgate.core.gates.kinds.kind import GateKind, Keys, Measure, Reader, Rule
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample, Limit

MOST_HOURS: Final = 14 * 24


class VerifiedFor(Rule):
    """How long a release has to be dark, with its checks passed, before a person is asked about the flip."""

    hours: float = Field(gt=0, le=MOST_HOURS, description="The least number of hours since its checks passed.")


class VerifiedKeys(Keys):
    """The keys of a gate on time."""

    verified: VerifiedFor | None = Field(
        default=None,
        description="How long the release has been dark since its checks passed. At flip only.",
        exclude_if=lambda limit: limit is None,
    )


class Verified(GateKind[VerifiedKeys]):
    word = "verified"
    keys = VerifiedKeys
    whom = "the record"

    def unfit(self, gate: VerifiedKeys, point: GatePoint) -> str:
        if point is GatePoint.FLIP:
            return ""
        return "it counts the time between the checks and the flip; give it `at: flip`"

    def asked(self, gate: VerifiedKeys) -> str:
        return "hours dark since the checks passed"

    def of(self, gate: VerifiedKeys) -> str:
        return "release"

    def limit(self, gate: VerifiedKeys) -> Limit:
        return Limit(_hours(gate), least=True)

    def measure(self, gate: VerifiedKeys, reader: Reader) -> Measure:
        def measure(at: float) -> GateSample:
            dark = reader.dark_since
            if dark is None:
                return GateSample(at, None, "the release is not dark")
            hours = (reader.now() - dark).total_seconds() / 3600
            return GateSample(at, hours, beside="; ".join(_said(gate, hours, reader)))

        return measure


def _hours(gate: VerifiedKeys) -> float:
    assert gate.verified is not None, gate.name
    return gate.verified.hours


def _said(gate: VerifiedKeys, hours: float, reader: Reader) -> Iterator[str]:
    assert reader.dark_since is not None
    yield f"hours since {reader.dark_since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, when its checks passed"
    if hours < _hours(gate):
        enough = reader.dark_since + timedelta(hours=_hours(gate))
        yield f"enough at {enough.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

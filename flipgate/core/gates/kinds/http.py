"""A gate that an address answers: a line of a checklist that some other service knows (a change ticket, who is on call,
a scanner, a backup's report)."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from flipgate.core.gates.checks import content_misses
from flipgate.core.gates.json_rules import JsonRules
from flipgate.core.gates.kinds.kind import GateKind, Keys, Measure, Reader, Rule, left_out
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample, Limit, cut_reason
from flipgate.core.gates.words import answered, unfit, without_failures
from flipgate.core.spec.fields import JsonPaths
from flipgate.core.spec.metrics import Url
from flipgate.core.spec.probe import SecretKey


class HttpQuestion(Rule):
    """One GET request, and what its answer has to be."""

    url: Url = Field(
        description="The address as the worker reaches it, inside the cluster or outside, with a query where it takes "
        "one; without user and password."
    )
    authorization: SecretKey | None = Field(
        default=None,
        description="Where the value of the header Authorization is: a Secret in flipgate's own namespace, read by "
        "name, and never shown.",
    )
    status: int = Field(default=200, ge=100, le=599, description="The expected HTTP status.")
    json_equals: JsonPaths = Field(
        default_factory=dict, alias="json", description="Expected values in the JSON body by path, as a check has them."
    )
    json_is: JsonRules = Field(
        default_factory=dict, description="What values in the JSON body have to be, by path, as a check has them."
    )


class HttpKeys(Keys):
    """The keys of a gate that an address answers."""

    http: HttpQuestion | None = Field(
        default=None, exclude_if=left_out, description="An address that is asked by GET, and what it has to answer."
    )


class Http(GateKind[HttpKeys]):
    word = "http"
    keys = HttpKeys
    whom = "an address"
    in_words = True

    def problems(self, gate: HttpKeys) -> Iterator[str]:
        yield from without_failures(gate)

    def unfit(self, gate: HttpKeys, point: GatePoint) -> str:
        return unfit(point)

    def secret(self, gate: HttpKeys) -> SecretKey | None:
        return _question(gate).authorization

    def asked(self, gate: HttpKeys) -> str:
        return _question(gate).url.partition("?")[0]

    def of(self, gate: HttpKeys) -> str:
        return "release"

    def limit(self, gate: HttpKeys) -> Limit:
        return Limit(0)

    def threshold(self, gate: HttpKeys, sample: GateSample) -> str:
        wanted = _question(gate)
        return f"status {wanted.status}{' and its JSON' if wanted.json_equals or wanted.json_is else ''}"

    def measure(self, gate: HttpKeys, reader: Reader) -> Measure:
        wanted = _question(gate)

        def measure(at: float) -> GateSample:
            answer = reader.fetch(wanted.url, wanted.authorization)
            if isinstance(answer, str):
                return GateSample(at, None, cut_reason(answer), worded=True)
            missed = content_misses(wanted, answer)
            return answered(at, "; ".join(missed) or f"status {answer.status}", not missed)

        return measure


def _question(gate: HttpKeys) -> HttpQuestion:
    assert gate.http is not None, gate.name
    return gate.http

"""The gates that an application file declares for the bake, and where their numbers come from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from flipgate.core.values.base import Model
from flipgate.core.values.nearest import hint

_LABEL_NAME = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")
NAMESPACE, WINDOW = "namespace", "window"
BUILT_IN = ("ready", "errors", "side")
"""The names of the bake's own verdicts: no declared gate may be called so."""


def shown_url(url: str) -> str:
    """An address as people may read it: a user and a password in it are masked."""
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}://{'***@' if '@' in place else ''}{place.rpartition('@')[2]}{slash}{path}"


def _address(url: str) -> str:
    """Says no more than that it is none: it may hold a password."""
    problem = "must be an address like https://HOST:PORT/PATH, without a query (it may hold a password: not shown)"
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(problem) from None
    if not good or parts.query or parts.fragment or any(not char.isprintable() or char.isspace() for char in url):
        raise ValueError(problem)
    return url.rstrip("/")


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


Address = Annotated[str, AfterValidator(_address)]
GateName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=40)]


class _Rule(Model):
    model_config = ConfigDict(allow_inf_nan=False)


class Metrics(_Rule):
    """Where the gates' numbers come from, as the worker reaches it. flipgate only reads there."""

    prometheus: Address | None = Field(
        default=None, description="Prometheus' address (http://prometheus.monitoring:9090); needed by promql gates."
    )
    alertmanager: Address | None = Field(
        default=None, description="Alertmanager's address; needed by gates on alerts. Its API v2 is asked."
    )
    in_flight: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="A PromQL expression whose result is one number: how many requests and connections a side is still "
        "busy with, by the application's own gauge. {namespace} stands for the side's namespace. Asked of the old side "
        "and shown to people; it decides nothing.",
    )

    @model_validator(mode="after")
    def _can_be_asked(self) -> Metrics:
        if self.in_flight is None:
            return self
        problems = list(_unknown_placeholders(self.in_flight, (NAMESPACE,)))
        if "{namespace}" not in self.in_flight:
            problems.append("does not name {namespace}: whose would the number be?")
        if self.prometheus is None:
            problems.append("needs spec.metrics.prometheus")
        if problems:
            raise ValueError("; ".join(f"inFlight {problem}" for problem in problems))
        return self


class LogLimit(_Rule):
    """Which lines of the new side's pods count, and how many may be written."""

    pattern: Annotated[str, Field(min_length=1), AfterValidator(_pattern)] = Field(
        description="A regular expression (Python's), searched for in each line that a container wrote since the flip."
    )
    max: int = Field(ge=0, description="The largest number of such lines since the flip, in all pods together.")


class TraefikLimit(_Rule):
    """What users may get from the new side, as Traefik itself counts it; needs `traffic.traefik.metricsPort`."""

    max_error_ratio: float = Field(
        ge=0,
        le=1,
        description="The largest share of users' requests that may end with 5xx, 0 to 1, counted since the flip and at "
        "most over windowSeconds. flipgate's own requests are not in it; no traffic is unknown.",
    )


class GateKind(StrEnum):
    """What a gate asks. The words are the keys that say it."""

    PROMQL = "promql"
    ALERTS = "alerts"
    LOGS = "logs"
    RESTARTS = "restarts"
    TRAEFIK = "traefik"


_ONLY_PROMQL = ("max", "min", "of", "relative_to", "factor", "window_seconds")
"""A window is a traefik gate's, too."""


class Gate(_Rule):
    """A question asked at every look of the bake: exactly one of promql, alerts, logs, restarts and traefik."""

    name: GateName = Field(description="The gate's name, as shown in messages; not ready, errors or side.")
    promql: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="A PromQL expression whose result is one number. {namespace} stands for the side's namespace, "
        "{window} for the time since the flip (at most windowSeconds), as in 60s. No result, NaN (no traffic: 0/0), an "
        "infinite number and several series are unknown, never good.",
    )
    max: float | None = Field(
        default=None, description="The largest good number, in the query's own unit; either max or min."
    )
    min: float | None = Field(default=None, description="The smallest good number, in the query's own unit.")
    of: Literal["namespace", "target", "time"] | None = Field(
        default=None,
        description="How the number belongs to a side. namespace: the query selects {namespace}. target: it selects "
        "Traefik's counter of one target, whose name has {namespace} in it (needs a TraefikService or an HTTPRoute). "
        "time: it names no side; whatever came in since the flip counts as the new side's.",
    )
    relative_to: Literal["old"] | None = Field(
        default=None,
        description="old: also held against the same query for the old side over its last hour before the flip. Ask "
        "for a ratio, a rate or a quantile: a sum would grow with the window.",
    )
    factor: float | None = Field(
        default=None,
        gt=0,
        description="How many times the old side's number is still good: 1.5 with max, 0.8 with min. An old number of "
        "0 is no measure: then max or min alone counts.",
    )
    window_seconds: int | None = Field(
        default=None,
        ge=1,
        description="The longest {window}, and the longest time a traefik gate counts over, in seconds; 60 when left "
        "out.",
    )
    alerts: dict[str, str] | None = Field(
        default=None,
        min_length=1,
        description="Labels with their values ({namespace} is the new side's). No alert that has them all may begin to "
        "fire after the flip; silenced, inhibited and older ones are shown and not counted.",
    )
    logs: LogLimit | None = Field(default=None, description="Lines in the new side's pod logs since the flip.")
    restarts: int | None = Field(
        default=None, ge=0, description="The largest number of container restarts on the new side since the flip."
    )
    traefik: TraefikLimit | None = Field(
        default=None, description="Users' requests as each Traefik replica's own /metrics counts them: no Prometheus."
    )
    failures: int = Field(
        default=2, ge=1, description="How many looks in a row must find the gate failing before the bake fails."
    )

    @property
    def kind(self) -> GateKind:
        """What it asks."""
        return next(kind for kind in GateKind if getattr(self, kind) is not None)

    @property
    def window(self) -> int:
        """The longest window, in seconds."""
        return self.window_seconds or 60

    @model_validator(mode="after")
    def _makes_sense(self) -> Gate:
        if problems := list(_problems(self)):
            raise ValueError("; ".join(f'gate "{self.name}" {problem}' for problem in problems))
        return self


def _problems(gate: Gate) -> Iterator[str]:
    if gate.name in BUILT_IN:
        yield "has the name of a verdict that every bake has"
    said = [kind.value for kind in GateKind if getattr(gate, kind) is not None]
    if len(said) != 1:
        yield f"needs exactly one of promql, alerts, logs, restarts, traefik (it has: {', '.join(said) or 'none'})"
        return
    if gate.promql is not None:
        yield from _promql_problems(gate, gate.promql)
    elif extra := [name for name in _ONLY_PROMQL if getattr(gate, name) is not None and not _counts_over(gate, name)]:
        names = ", ".join(type(gate).model_fields[name].alias or name for name in extra)
        yield f"has {names}, which only a promql gate has"
    for text in (gate.alerts or {}).values():
        yield from _unknown_placeholders(text, (NAMESPACE,))
    for label in gate.alerts or {}:
        if not re.match(_LABEL_NAME, label):
            yield f'asks for the label "{label}", which no alert can have'


def _counts_over(gate: Gate, name: str) -> bool:
    return gate.traefik is not None and name == "window_seconds"


def _promql_problems(gate: Gate, promql: str) -> Iterator[str]:
    if (gate.max is None) == (gate.min is None):
        yield "needs either max or min"
    if gate.of is None:
        yield "needs `of`: namespace, target or time"
    yield from _unknown_placeholders(promql, (NAMESPACE, WINDOW))
    names_side = "{namespace}" in promql
    if gate.of in ("namespace", "target") and not names_side:
        yield f"is of {gate.of}, and its promql does not name {{namespace}}"
    if gate.of == "time" and names_side:
        yield "is of time, and its promql names {namespace}: then it is of namespace"
    if (gate.relative_to is None) != (gate.factor is None):
        yield "needs both relativeTo and factor, or neither"
    if gate.relative_to and gate.of == "time":
        yield "is of time: it has no number of the old side to be relative to"


def _unknown_placeholders(text: str, known: tuple[str, ...]) -> Iterator[str]:
    """`up{job}` is no PromQL, so what looks like a placeholder is meant as one."""
    for word in _PLACEHOLDER.findall(text):
        if word not in known:
            yield f"has the unknown placeholder {{{word}}}; {hint(word, known)}"


def filled(text: str, namespace: str, window_seconds: int = 1) -> str:
    """The text with its placeholders replaced."""
    return text.replace("{namespace}", namespace).replace("{window}", f"{window_seconds}s")

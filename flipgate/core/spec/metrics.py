"""Where the numbers come from that the gates of a bake are about."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from flipgate.core.spec.probe import SecretKey
from flipgate.core.values.base import Model, is_new
from flipgate.core.values.placeholders import NAMESPACE, unknown_placeholders


def _address(url: str, info: ValidationInfo) -> str:
    """Says no more than that it is none: it may hold a password. One with a password is read where a cluster keeps it
    already, and in no new file: whoever may read ConfigMaps would have it."""
    problem = "must be an address like https://HOST:PORT/PATH, without a query (it may hold a password: not shown)"
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(problem) from None
    if not good or parts.query or parts.fragment or any(not char.isprintable() or char.isspace() for char in url):
        raise ValueError(problem)
    if is_new(info) and "@" in parts.netloc:
        raise ValueError(
            "must not hold a user or a password (not shown): they belong into a Secret, named by "
            "spec.metrics.prometheusAuthorization or spec.metrics.alertmanagerAuthorization"
        )
    return url.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]


def _url(url: str) -> str:
    """Says no more than that it is none, for the same reason."""
    problem = "must be an address like https://HOST:PORT/PATH?QUERY, without user and password (not shown)"
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(problem) from None
    if not good or "@" in parts.netloc or parts.fragment or any(not c.isprintable() or c.isspace() for c in url):
        raise ValueError(problem)
    return url


Url = Annotated[str, AfterValidator(_url)]


class Metrics(Model):
    """Where the gates' numbers come from, as the worker reaches it. flipgate only reads there."""

    prometheus: Address | None = Field(
        default=None, description="Prometheus' address (http://prometheus.monitoring:9090); needed by promql gates."
    )
    alertmanager: Address | None = Field(
        default=None, description="Alertmanager's address; needed by gates on alerts. Its API v2 is asked."
    )
    prometheus_authorization: SecretKey | None = Field(
        default=None,
        description="Where the value of the header Authorization for Prometheus is (Bearer TOKEN, or Basic and what "
        "follows): a Secret in flipgate's own namespace, read by name, and never shown.",
    )
    alertmanager_authorization: SecretKey | None = Field(default=None, description="The same for Alertmanager.")
    in_flight: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="A PromQL expression whose result is one number: how many requests and connections a side is still "
        "busy with, by the application's own gauge. {namespace} stands for the side's namespace. Asked of the old side "
        "and shown to people; it decides nothing.",
    )

    @property
    def secrets(self) -> dict[str, SecretKey]:
        """The keys of Secrets that are read, by their names in the file."""
        named = {
            "prometheusAuthorization": self.prometheus_authorization,
            "alertmanagerAuthorization": self.alertmanager_authorization,
        }
        return {name: secret for name, secret in named.items() if secret}

    @model_validator(mode="after")
    def _secrets_have_an_address(self) -> Metrics:
        for secret, address in (("prometheus", self.prometheus), ("alertmanager", self.alertmanager)):
            if f"{secret}Authorization" in self.secrets and address is None:
                raise ValueError(f"{secret}Authorization needs spec.metrics.{secret}")
        return self

    @model_validator(mode="after")
    def _can_be_asked(self) -> Metrics:
        if self.in_flight is None:
            return self
        problems = list(unknown_placeholders(self.in_flight, (NAMESPACE,)))
        if "{namespace}" not in self.in_flight:
            problems.append("does not name {namespace}: whose would the number be?")
        if self.prometheus is None:
            problems.append("needs spec.metrics.prometheus")
        if problems:
            raise ValueError("; ".join(f"inFlight {problem}" for problem in problems))
        return self

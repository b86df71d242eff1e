"""The keys of Secrets that are read where metrics and gates are asked."""

from __future__ import annotations

from flipgate.core.spec.application import Spec
from flipgate.core.spec.probe import SecretKey


def secrets_of(spec: Spec) -> tuple[tuple[str, SecretKey], ...]:
    """Returns each with where the file names it."""
    named = [(f"spec.metrics.{name}", secret) for name, secret in spec.metrics.secrets.items()]
    asked = [(f"gate {gate.name}", gate.kind.secret(gate)) for gate in spec.gates]
    return (*named, *((where, secret) for where, secret in asked if secret))

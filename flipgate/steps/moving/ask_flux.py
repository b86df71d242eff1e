"""Asks Flux to look now at what was pushed."""

from __future__ import annotations

from flipgate.adapters.flux import ask
from flipgate.core.spec.git import KustomizationName
from flipgate.core.values.errors import FlipgateError
from flipgate.steps.acting.acting import Acting


def ask_flux(acting: Acting, name: KustomizationName) -> None:
    """Asks a Kustomization and its source to look now. Never raises: Flux looks by itself, too, only later."""
    try:
        ask(acting.cluster, name, acting.world.now())
    except FlipgateError as error:
        acting.world.say(f"{name} was not asked to look now, and will by itself: {error}")

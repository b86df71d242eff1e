"""Asks Flux to look now at what was pushed."""

from __future__ import annotations

from flipgate.adapters.flux import ask
from flipgate.core.spec.git import KustomizationName
from flipgate.steps.acting.acting import Acting


def ask_flux(acting: Acting, name: KustomizationName) -> None:
    """Asks a Kustomization and its source to look now. Never raises: Flux looks by itself, too, only later."""
    for error in ask(acting.cluster, name, acting.world.now()):
        acting.world.say(f"{name}, or its source, was not asked to look now, and will by itself: {error}")

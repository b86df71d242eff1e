"""A bake that a test can wait for: a release that was moved just now, and gates that are asked of a scripted server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flipgate.core.record.phases import Phase
from flipgate.core.spec.application import Application, load_application
from flipgate.steps.acting.world import utc_now
from tests.core.builders import SHOP, declaring, release

RATIO = '{name: ratio, promql: "x{namespace=\\"{namespace}\\"}[{window}]", max: 0.1, of: namespace'


def declared(url: str, *gates: str, text: str = SHOP, bake: float = 0) -> Application:
    more = f"  metrics: {{prometheus: '{url}', alertmanager: '{url}'}}\n  gates: [{', '.join(gates)}]\n"
    return baking(f"{text}{more}", bake, 0.05)


def baking(text: str, seconds: float, interval: float) -> Application:
    """With a shorter bake than a file may ask for."""
    policy = {"bake_seconds": seconds, "bake_interval_seconds": interval}
    return declaring(load_application(text, "shop.yaml"), policy=policy)


def flipped(seconds_ago: float = 30) -> Any:
    """A release that was moved so long ago."""
    made = release(Phase.DEPLOYING, Phase.DARK, Phase.FLIPPING, Phase.BAKING)
    moved = utc_now() - timedelta(seconds=seconds_ago)
    return made.model_copy(update={"changes": tuple(c.model_copy(update={"at": moved}) for c in made.changes)})

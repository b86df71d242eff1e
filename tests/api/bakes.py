"""A bake that a test can wait for: a release that was moved just now, and gates that are asked of a scripted server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flipgate.core.record.freeze import BreakGlass
from flipgate.core.record.phases import Phase
from flipgate.core.record.release import Release
from flipgate.core.spec.application import Application, load_application
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.watching.watch import watch
from tests.core.builders import SHOP, declaring, release

RATIO = '{name: ratio, promql: "x{namespace=\\"{namespace}\\"}[{window}]", max: 0.1, of: namespace'


def declared(url: str, *gates: str, text: str = SHOP, bake: float = 0) -> Application:
    more = f"  metrics: {{prometheus: '{url}', alertmanager: '{url}'}}\n  gates: [{', '.join(gates)}]\n"
    return baking(f"{text}{more}", bake, 0.05)


def baking(text: str, seconds: float, interval: float) -> Application:
    """With a shorter bake than a file may ask for."""
    policy = {"bake_seconds": seconds, "bake_interval_seconds": interval}
    return declaring(load_application(text, "shop.yaml"), policy=policy)


def flipped(seconds_ago: float = 30) -> Release:
    """A release that was moved so long ago."""
    phases = (Phase.DEPLOYING, Phase.DARK, Phase.FLIPPING, Phase.BAKING)
    return release(*phases, now=utc_now() - timedelta(seconds=seconds_ago))


def held() -> None:
    """The check of a Lease that nobody takes."""


def watched(
    world: World, check_lease: Callable[[], None] = held, glass: BreakGlass | None = None
) -> dict[str, Evidence]:
    """What each gate says at the end of the bake of a release that was moved just now."""
    return {evidence.gate: evidence for evidence in watch(world, flipped(), check_lease, glass=glass)}

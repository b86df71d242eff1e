"""What somebody else changes in a soak, by Flux or by hand: told once with what to type, again when it changes, and not
every five minutes. On a real API server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record.record import Record, occupied
from flipgate.core.values.base import but
from flipgate.core.values.sides import Side
from flipgate.core.workloads.render import configuration_hash
from flipgate.steps.acting.world import World
from flipgate.steps.watching.conditions import note_conditions
from lab.control.records import Lab
from tests.api.moving.workers import nightly_at, suspend, suspended, with_cron_job
from tests.api.shop import BLUE, GREEN, Shop
from tests.api.steps import status
from tests.api.telling import heard
from tests.api.users import typed

FLUX = "kustomize-controller"


def flux(shop: Shop, side: Side, **spec: Any) -> None:
    """What Flux does where an overlay says so: server-side apply, forced, under its own name. The pods follow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flipgate.adapters.cluster.FIELD_MANAGER", FLUX)
        part = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
        shop.cluster.apply(f"{shop.deployments(side)}/web", part)
    shop.play_ready(side, "web")


def image(shop: Shop, side: Side, version: int) -> None:
    containers = [{"name": "web", "image": f"shop/web:{version}"}]
    flux(shop, side, template={"spec": {"containers": containers}})


def scale(shop: Shop, side: Side, count: int) -> None:
    flux(shop, side, replicas=count)


def point(shop: Shop, at: str) -> None:
    shop.point("live", at)


def flux_resumes(shop: Shop) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flipgate.adapters.cluster.FIELD_MANAGER", FLUX)
        part = {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "nightly"},
            "spec": {"suspend": False},
        }
        shop.cluster.apply(nightly_at(shop, BLUE), part)


def soaking(shop: Shop) -> tuple[Shop, World]:
    """Green is live, blue kept; what works on one side only works on green."""
    shop = with_cron_job(shop)
    for side in Side:
        suspend(shop, side, side is BLUE)
        shop.scaled(side, "mailer", int(side is GREEN))
    world = shop.gone_live()
    shop.scaled(GREEN, "mailer", 1)

    def noted(record: Record) -> Record:
        """What a flip notes of the side that users leave."""
        images = {**shop.images, "nightly": "shop/nightly:1"}
        left = but(record.sides[BLUE], images=images, configuration=configuration_hash({}))
        return occupied(record, BLUE, left)

    world.store.update(noted)
    note_conditions(world)
    assert {each.status for each in world.store.read().conditions if each.type.endswith("Ready")} == {"True"}
    return shop, world


Deed = Callable[[Shop], None]
DEEDS: dict[str, tuple[str, Deed, Deed]] = {
    "live images": ("ImagesChanged", lambda shop: image(shop, GREEN, 8), lambda shop: image(shop, GREEN, 9)),
    "live counts": ("TooFewPods", lambda shop: scale(shop, GREEN, 1), lambda shop: scale(shop, GREEN, 0)),
    "kept images": ("ImagesChanged", lambda shop: image(shop, BLUE, 8), lambda shop: image(shop, BLUE, 9)),
    "kept counts": ("NotReady", lambda shop: scale(shop, BLUE, 1), lambda shop: scale(shop, BLUE, 0)),
    "suspend": ("is not suspended", flux_resumes, lambda shop: shop.scaled(BLUE, "mailer", 1)),
    "route": ("has drifted", lambda shop: point(shop, shop.namespace(BLUE)), lambda shop: point(shop, "nowhere")),
}


@pytest.mark.parametrize(("word", "deed", "more"), DEEDS.values(), ids=DEEDS)
def test_it_is_told_once_with_what_to_type_and_again_when_it_changes(
    shop: Shop, word: str, deed: Deed, more: Deed
) -> None:
    shop, world = soaking(shop)
    said = heard(world)
    deed(shop)
    note_conditions(world)
    note_conditions(world)
    (first,) = said
    assert word in first
    assert ". Next: " in first
    assert word == "has drifted" or f"set by {FLUX} (Apply) at 20" in first or f"to 1 by {FLUX}" in first
    more(shop)
    note_conditions(world)
    note_conditions(world)
    assert len(said) == 2, said
    assert ". Next: " in said[1]


def test_what_to_type_about_a_cron_job_on_the_dark_side_stops_it_and_is_refused_once_flipgate_has_written_there(
    shop: Shop, lab: Lab, tmp_path: Path
) -> None:
    shop, world = soaking(shop)
    said = heard(world)
    flux_resumes(shop)
    note_conditions(world)
    shown, line = status(shop, shop.name), said[0].rpartition(". Next: ")[2]
    assert f"set by {FLUX} (Apply) at 20" in said[0]
    assert f"{FLUX} will write it again until its source leaves that out, too" in said[0]
    assert line in shown.splitlines()[-1] or line in shown
    assert typed(lab, line, tmp_path).returncode == 0
    assert suspended(shop) == (True, False)
    note_conditions(world)
    assert said[1].startswith(f"{shop.name}: only the live side green works again")
    shop.cluster.merge(nightly_at(shop, BLUE), {"metadata": {"labels": {"flipgate.dev/stamp": "9.new"}}})
    assert typed(lab, line, tmp_path).returncode != 0

"""The shop with other services in its file than before: what a release adds, and what it takes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from flipgate.adapters.store import Store
from flipgate.core.gates.proof import Proven, Seen
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import need_release
from flipgate.core.spec.application import load_application
from flipgate.core.values.sides import Side
from flipgate.steps.acting.outbox import advance
from flipgate.steps.acting.world import World
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.releasing.bring_up import bring_up, open_release
from flipgate.steps.releasing.flip import note_proof
from flipgate.steps.releasing.questions import pose
from tests.api.shop import GREEN, TO_LIVE, Shop

PROVEN = Proven((Seen("traefik-1", proven=True),), 0.1)


def declaring(shop: Shop, *services: str, without: Collection[str] = ()) -> Shop:
    """The shop with these services more in its file, and without those, as `apply` writes it."""
    kept = [line for line in shop.text.splitlines() if not any(f"name: {name}," in line for name in without)]
    return by_file(shop, "\n".join([*kept, *(f"    - {service}" for service in services)]) + "\n")


def by_file(shop: Shop, text: str) -> Shop:
    """The shop by this file, as `apply` writes it."""
    Store(shop.cluster, shop.own, shop.name).write_application(text)
    return replace(shop, application=load_application(text, "shop.yaml"), text=text)


def add(shop: Shop, side: Side, name: str, replicas: int) -> None:
    """One Deployment more on a side, all its pods Ready."""
    shop.add_deployment(side, name, replicas)


def cron_job_at(shop: Shop, side: Side, name: str) -> str:
    """The path of a side's CronJob."""
    return f"/apis/batch/v1/namespaces/{shop.namespace(side)}/cronjobs/{name}"


def add_cron_job(shop: Shop, side: Side, name: str, *, suspend: bool) -> None:
    """One CronJob more on a side."""
    pods = {"containers": [{"name": name, "image": f"shop/{name}:1"}], "restartPolicy": "Never"}
    spec = {"schedule": "0 4 * * *", "suspend": suspend, "jobTemplate": {"spec": {"template": {"spec": pods}}}}
    shop.cluster.create(cron_job_at(shop, side, name).rpartition("/")[0], {"metadata": {"name": name}, "spec": spec})


def at_bake(shop: Shop, *, handed_over: bool = True, **more: int) -> World:
    """The adopted shop with a release of a new `web` baking on green, without the way there: users are there, and what
    works is `handed_over`. It has so many pods of `more` Deployments."""
    world = shop.gone_live("pipeline", Phase.FLIPPING, shop.world().store.read(), **more)
    with shop.playing_ready(), world.acting() as acting:
        note_proof(acting, need_release(acting.world.store.read()).name, PROVEN)
        if handed_over:
            hand_over_workers(acting, GREEN)
    return world


def to_baking(shop: Shop, world: World, images: Mapping[str, str], *, handed_over: bool = True) -> tuple[str, ...]:
    """A release of these images on green, taken as the pipelines do it until the bake begins: users are there, and what
    works is `handed_over`. Returns what the question said that changes."""
    with shop.playing_ready(), world.acting() as acting:
        world = acting.world
        release = open_release(world, images, "ci")
        bring_up(acting, release)
        advance(world, release.name, Phase.DARK, TO_LIVE[Phase.DARK])
        said = pose(world, QuestionKind.FLIP, []).changes
        advance(world, release.name, Phase.FLIPPING, TO_LIVE[Phase.FLIPPING])
        shop.point("live", shop.namespace(GREEN))
        note_proof(acting, release.name, PROVEN)
        if handed_over:
            hand_over_workers(acting, GREEN)
    return said

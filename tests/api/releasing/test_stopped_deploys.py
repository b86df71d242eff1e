"""A deploy whose run fails with its release open: it says why everywhere, and who goes on."""

from __future__ import annotations

import pytest

from flipgate.core.record.phases import Phase
from flipgate.core.values.errors import FlipgateError, Forbidden, NotFound, Unreachable
from tests.api.played import PlayedPrefect, played
from tests.api.releasing.test_stopped import events, failing, opened, stop_of
from tests.api.shop import Shop
from tests.api.steps import status

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds


@pytest.mark.parametrize(
    "error",
    [
        Forbidden("git fetch: authentication failed", obj="branch main of https://git.example/c.git"),
        NotFound("git fetch: couldn't find remote ref main", obj="branch main of https://git.example/c.git"),
        Unreachable("git fetch had no end after 30 s", obj="branch main of https://git.example/c.git"),
    ],
    ids=["token", "branch", "server"],
)
def test_a_deploy_that_git_refuses_says_why_everywhere_and_reconcile_goes_on_with_it(
    shop: Shop, prefect: PlayedPrefect, monkeypatch: pytest.MonkeyPatch, error: FlipgateError
) -> None:
    world = shop.adopted("pipeline")
    with monkeypatch.context() as patch:
        failing(patch, "bring_side_up", error)
        for _ in range(2):
            with played(world, "run-7") as flows, pytest.raises(type(error)):
                flows.deploy_dark(shop.name, {"web": "shop/web:2"})
    stop = stop_of(world)
    assert (world.store.read().phase, stop.pipeline) == (Phase.DEPLOYING, "deploy-dark")
    assert error.fact in stop.fact
    (told,) = events(shop, "DeployStopped")
    command = f"flipgate deploy {shop.name} --image web=shop/web:2"
    assert error.fact in told
    assert command in told
    shown = status(shop, shop.name)
    assert f"Stopped     deploy-dark at {stop.at:%Y-%m-%d %H:%M:%S} UTC ({type(error).__name__}): {error.obj}" in shown
    assert shown.index(command) > shown.index("Next")
    with played(world) as flows, shop.playing_ready():
        flows.reconcile(world, "default")
        run = prefect.of("deploy-dark")[-1]
        flows.deploy_dark(**run["parameters"])
    release = opened(world)
    assert (release.phase, release.stopped) == (Phase.DARK, None)


@pytest.mark.usefixtures("prefect")
def test_what_to_type_at_once_goes_on_with_the_very_release(shop: Shop) -> None:
    world = shop.adopted("pipeline")
    with pytest.MonkeyPatch.context() as patch:
        failing(patch, "bring_side_up", Unreachable("no answer"))
        with played(world, "run-7") as flows, pytest.raises(Unreachable):
            flows.deploy_dark(shop.name, {"web": "shop/web:2"})
    before = opened(world)
    with played(world) as flows, shop.playing_ready():
        flows.deploy_dark(shop.name, {"mailer": "shop/mailer:1"})
    assert (opened(world).name, opened(world).phase) == (before.name, Phase.DARK)

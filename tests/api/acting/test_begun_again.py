"""A step whose write met a fault is begun again by the very run that it happened to, past its own entry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flipgate.core.record.intents import BRING_UP, HAND_OVER, MOVE_ROUTES, REST_SIDE
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState
from flipgate.core.values.errors import TemporaryError
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.moving.move import move
from flipgate.steps.moving.rest import rest
from flipgate.steps.moving.stamp import stamped_look
from tests.api.shop import BLUE, GREEN, Shop, meanwhile, opened
from tests.api.steps import refusing
from tests.api.wire import Through, serving

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds
Step = Callable[[Acting], object]


def losing_one_answer(shop: Shop, of: str) -> Through:
    """A network that loses the answer to the first PATCH after the journal's entry whose path has this in it: the write
    has been done."""
    lost: list[str] = []

    def lose(method: str, path: str) -> bool:
        if method == "PATCH" and of in path and not lost and shop.world().store.read().open_entry:
            lost.append(path)
            return True
        return False

    return Through(shop.kubeconfig, after=lose)


def tried_again(shop: Shop, folder: Path, of: str, tries: Step) -> World:
    """A task as Prefect tries it again: under the same Lease, a moment later."""
    with serving(losing_one_answer(shop, of), folder) as cluster:
        world = meanwhile(shop.world("pipeline", cluster), shop.play_all_ready)
        with world.acting() as acting:
            with pytest.raises(TemporaryError):
                tries(acting)
            tries(acting)
    return shop.world()


def need_entries(world: World, step: str) -> None:
    record = world.store.read()
    first = next(entry for entry in record.journal if entry.step == step)
    assert (first.state, first.outcome) == (EntryState.UNDONE, "a fault; done again right after")
    assert record.open_entry is None


def test_bringing_up(shop: Shop, tmp_path: Path) -> None:
    from tasks import steps as task

    release = opened(shop.adopted())
    world = tried_again(
        shop, tmp_path, f"{shop.namespace(GREEN)}/deployments/web", lambda a: task.bring_side_up.fn(a, release)
    )
    need_entries(world, BRING_UP)
    assert shop.counts(GREEN) == {"web": 2, "mailer": 0}


def test_handing_over(shop: Shop, tmp_path: Path) -> None:
    from tasks import steps as task

    shop.gone_live()
    release = shop.world().store.read().release
    over = lambda acting: task.hand_over_workers.fn(acting, release)  # noqa: E731
    world = tried_again(shop, tmp_path, f"{shop.namespace(BLUE)}/deployments/mailer", over)
    need_entries(world, HAND_OVER)
    assert (shop.counts(BLUE)["mailer"], shop.counts(GREEN)["mailer"]) == (0, 1)


def test_going_to_rest(shop: Shop, tmp_path: Path) -> None:
    from tasks.policy import step

    shop.gone_live()

    @step("rest")
    def put_to_rest(acting: Acting) -> None:
        view = stamped_look(acting, BLUE, look(acting.world))
        rest(acting, view, need_dark(acting.world, view))

    world = tried_again(shop, tmp_path, f"{shop.namespace(BLUE)}/deployments/mailer", put_to_rest.fn)
    need_entries(world, REST_SIDE)
    assert set(shop.counts(BLUE).values()) == {0}


def test_a_move_is_never_just_begun_again(shop: Shop, tmp_path: Path) -> None:
    from tasks.policy import step

    shop.gone_live(until=Phase.DARK)

    @step("move")
    def moving(acting: Acting) -> None:
        move(acting, GREEN)

    with refusing("JournalOpen", MOVE_ROUTES):
        tried_again(shop, tmp_path, "ingressroutes", moving.fn)
    assert shop.world().store.read().both_protected


def test_nor_is_what_somebody_else_left_open(shop: Shop, tmp_path: Path) -> None:
    from tasks import steps as task

    release = opened(shop.adopted())
    with serving(losing_one_answer(shop, f"{shop.namespace(GREEN)}/deployments/web"), tmp_path) as cluster:
        with shop.world("pipeline", cluster).acting() as acting, pytest.raises(TemporaryError):
            task.bring_side_up.fn(acting, release)
        with shop.world("pipeline", cluster).acting() as acting, refusing("NoDarkSide", "BringUp, begun"):
            task.bring_side_up.fn(acting, release)

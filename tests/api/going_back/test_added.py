"""A release that adds services: the side that was live before never had them, and is the way back as it was."""

from __future__ import annotations

from flipgate.core.record.phases import Reason
from flipgate.core.record.record import ConditionStatus
from flipgate.core.way_back.way_back import judge_way_back
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.watching.conditions import read_old_side
from tests.api.changed_shop import add, at_bake, declaring, to_baking
from tests.api.shop import BLUE, COUNTS, GREEN, Shop

ADDED = ("{name: search, role: serving, replicas: 2}", "{name: digest, role: worker, replicas: 1}")


def with_more(shop: Shop) -> tuple[Shop, World]:
    """The shop that was adopted, and then got `search` and `digest` into its file, and onto green."""
    shop.adopted()
    shop = declaring(shop, *ADDED)
    for name in ("search", "digest"):
        add(shop, GREEN, name, 0)
    return shop, shop.world()


def test_the_question_says_which_services_are_new_and_a_failed_bake_goes_back_at_once(shop: Shop) -> None:
    """Without pods of it on blue as well: tests/core/workloads/test_counts.py."""
    shop, world = with_more(shop)
    new = {"web": "shop/web:2", "search": "shop/search:1", "digest": "shop/digest:1"}
    assert to_baking(shop, world, new) == (
        "digest: new with this release (blue never ran it), shop/digest:1",
        "search: new with this release (blue never ran it), shop/search:1",
        "web: shop/web:1 to shop/web:2",
        "search: Deployment: added (image the release's image)",
        "digest: Deployment: added (image the release's image)",
    )
    assert (shop.counts(BLUE)["mailer"], shop.counts(GREEN)["digest"]) == (0, 1)
    old = read_old_side(world, BLUE)
    found = judge_way_back(world.store.read(), world.application, old, world.now())
    assert found is not None
    assert (found.status, found.message) == (
        ConditionStatus.TRUE,
        "blue has its pods Ready (web 2), with the images and the configuration it was live with",
    )
    with shop.playing_ready():
        done = roll_back(shop.world("ana"), "errors", by="ana", cause=Reason.BAKE_FAILED)
    assert (done.way, done.left, shop.where()) == ("fast", (), ("blue",))
    assert {name: count for name, count in shop.counts(BLUE).items() if name in COUNTS} == COUNTS
    assert shop.counts(GREEN)["digest"] == 0


def test_what_never_existed_on_a_side_is_not_waited_for_without_a_record(shop: Shop) -> None:
    shop, _ = with_more(shop)
    at_bake(shop, search=2, digest=0)
    shop.write_record("garbled")
    with shop.playing_ready():
        done = roll_back(shop.world("ana"), "errors", by="ana", to=BLUE, patience_seconds=20)
    assert (done.recorded, shop.where()) == (False, ("blue",))
    assert done.seconds < 10
    assert look_at_side(shop.world(), BLUE).missing == ("digest", "search")

"""No more requests than it takes: what was seen, or written, is not asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.adapters.sought import served_by
from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, Reason
from flipgate.steps.acting.events import write_events
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.going_back.recover import recover
from flipgate.steps.looking.look import look
from flipgate.steps.releasing.settle import kept_too_long
from tests.api.shop import Shop, opened
from tests.api.wire import Counted, Through, serving


@pytest.fixture
def counted(shop: Shop, world: World, tmp_path: Path) -> Iterator[Counted]:
    opened(world)
    through = Through(shop.kubeconfig)
    with serving(through, tmp_path) as cluster:
        yield Counted(through, shop.world("ben", cluster))


def test_who_acts_looks_at_the_lease_before_and_after_it_is_taken_and_no_more(counted: Counted) -> None:
    for taken in ("POST", "PUT"):
        with counted.world.acting():
            pass
        assert counted.methods("/leases") == ["GET", taken, "GET", "PUT"]


def test_who_has_looked_does_not_ask_which_objects_they_were_to_write_events(counted: Counted) -> None:
    world = counted.world
    look(world)
    counted.methods()
    record = world.store.update(lambda r: records.advance(r, Phase.DARK, Reason.CHECKS_PASSED, utc_now(), actor="ben"))
    counted.methods()
    write_events(world, record)
    assert counted.methods() == ["POST"] * 3, "the route and both Deployments"


def test_what_a_server_serves_is_asked_for_by_its_versions_alone(counted: Counted) -> None:
    world = counted.world
    assert world.cluster.groups()["traefik.io"] == "traefik.io/v1alpha1"
    counted.methods()
    assert served_by(world.cluster, "traefik.io")["IngressRoute"] == "/apis/traefik.io/v1alpha1"
    assert served_by(world.cluster, "nobody.example") == {}
    assert counted.methods() == ["GET"]


def test_where_nothing_was_interrupted_and_nothing_is_kept_a_look_and_the_record_are_enough(counted: Counted) -> None:
    world = counted.world
    world.cluster.groups()
    counted.methods()
    look(world)
    looked = counted.methods()
    recover(world)
    assert counted.methods() == looked
    assert kept_too_long(world) is None
    assert counted.methods() == ["GET"]

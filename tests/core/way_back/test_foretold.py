"""What a person is told of the way back before they say yes: which images, how fast, or that there is none."""

from __future__ import annotations

import pytest

from flipgate.core.record.occupant import Contract, Occupant
from flipgate.core.record.record import Record
from flipgate.core.values.base import but
from flipgate.core.way_back.foretold import IMAGES_SAID, after_the_flip, after_the_rest
from tests.core.builders import BLUE, DARK, LIVE, NOW, RUN, deployment, record, release, shop, side

APP, OLD = shop(), side(BLUE)
NEW = release(*DARK, images={"web": "acme/web:2", "mailer": "acme/mailer:1"})
ASKED = record(release=NEW)
NONE_KEPT = {"web": 0, "mailer": 0}
CONTRACTED = Occupant(images=RUN, since=NOW, contracted=Contract(at=NOW, by="ana", reason="column dropped"))


def with_old(occupant: Occupant) -> Record:
    return but(ASKED, sides={**ASKED.sides, BLUE: occupant})


def test_after_a_flip_it_is_fast_and_brings_back_what_changes_alone() -> None:
    assert after_the_flip(APP, ASKED, NEW, OLD) == [
        "it brings back: web acme/web:1",
        "fast until blue is put to rest, 24 h after the flip at the earliest: its pods stay up, and the routes move "
        'back at once: flipgate rollback shop --reason "..."',
    ]


def test_after_the_rest_it_is_slow_and_says_what_has_to_be_started_first() -> None:
    live = but(ASKED, release=release(*LIVE, images=NEW.images))
    carried = Occupant(images=RUN, replicas={"web": 4, "mailer": 3}, since=NOW, up_seconds=41.2)
    slow, brings = after_the_rest(APP, but(live, sides={**live.sides, BLUE: carried}), NEW, OLD, NONE_KEPT)
    assert slow == (
        "slow from then on: 4 pods are started first and have to be Ready (it took 41 s the last time): web 4; "
        'flipgate rollback shop --to blue --reason "..."'
    )
    assert brings == "it brings back: web acme/web:1"
    warm, _ = after_the_rest(APP, but(live, sides={**live.sides, BLUE: carried}), NEW, OLD, {"web": 1, "mailer": 0})
    assert "3 pods are started first" in warm, "one is kept"


@pytest.mark.parametrize(
    ("occupant", "said"),
    [
        (Occupant(since=NOW), "no way back: nothing ever ran on blue"),
        (CONTRACTED, "no way back: a contract migration was done 2026-03-01 12:00 UTC by ana (column dropped)"),
    ],
    ids=["a first release", "after a contract migration"],
)
def test_where_there_is_no_way_back_nothing_else_is_said(occupant: Occupant, said: str) -> None:
    for (line,) in (
        after_the_flip(APP, with_old(occupant), NEW, OLD),
        after_the_rest(APP, with_old(occupant), NEW, OLD, NONE_KEPT),
    ):
        assert line.startswith(said)


def test_a_service_that_the_old_side_never_ran_is_gone_with_a_rollback() -> None:
    more = but(NEW, images={**NEW.images, "search": "acme/search:1"})
    old = side(BLUE, deployment("search", replicas=0))
    brings, _ = after_the_flip(shop("{name: search, role: serving, replicas: 1}"), ASKED, more, old)
    assert brings == "it brings back: web acme/web:1, no search, which blue never ran"
    same, _ = after_the_flip(APP, ASKED, but(NEW, images=RUN), OLD)
    assert same == "it brings back the same images"


def test_of_very_many_images_so_many_are_said_and_where_the_others_are() -> None:
    names = [f"service-{n:02}" for n in range(IMAGES_SAID + 5)]
    many = but(NEW, images={**RUN, **dict.fromkeys(names, "acme/any:2")})
    brings, _ = after_the_flip(APP, but(ASKED, sides={BLUE: Occupant(since=NOW, images={"web": "a"})}), many, OLD)
    assert brings.endswith("and 6 more: kubectl -n shop-blue get deployments -o wide"), brings

"""However many services were taken out of the file, what is noted of a side has room in the record."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from flipgate.core.record.occupant import LARGEST_BYTES, Occupant, Ran, fitting
from flipgate.core.record.size import LIMIT_BYTES, written
from flipgate.core.spec.application import MOST_SERVICES
from flipgate.core.values.base import but
from tests.core.builders import NOW
from tests.core.large import CONFIG_MAP_BYTES, IMAGES, LONG, NAMES, weeks

TAKEN_OUT = tuple(f"taken-{n:03}-".ljust(253, "n") for n in range(MOST_SERVICES))
MIXED = Ran(role="mixed", config_map=TAKEN_OUT[0], key="k" * 253)
WORKER, SERVING = Ran(role="worker"), Ran(role="serving")


def with_taken_out(occupant: Occupant, names: tuple[str, ...], ran: Ran = MIXED) -> Occupant:
    image = next(iter(IMAGES.values()))
    return but(
        occupant,
        images={**occupant.images, **dict.fromkeys(names, image)},
        roles={**occupant.roles, **dict.fromkeys(names, ran)},
        replicas={**occupant.replicas, **dict.fromkeys(names, 1)},
    )


def test_a_hundred_taken_out_on_both_sides_are_written_beside_the_largest_of_everything() -> None:
    whole = weeks(LONG[0])
    full = {side: with_taken_out(each, TAKEN_OUT) for side, each in whole.sides.items()}
    assert len(written(but(whole, sides=full))[1].encode()) > CONFIG_MAP_BYTES, "or nothing is tested"
    bounded = {side: fitting(each, NAMES)[0] for side, each in full.items()}
    now, stored = written(but(whole, sides=bounded))
    assert len(stored.encode()) <= LIMIT_BYTES
    assert all(set(NAMES) <= each.images.keys() for each in now.sides.values()), "what is declared stays"


@settings(max_examples=30)
@given(
    st.integers(0, MOST_SERVICES),
    st.lists(st.sampled_from([(n, ran) for n in TAKEN_OUT for ran in (MIXED, WORKER, SERVING)]), max_size=300),
)
def test_whatever_is_noted_fits_and_what_the_way_back_starts_again_goes_last(
    declared: int, taken: list[tuple[str, Ran]]
) -> None:
    names = NAMES[:declared]
    side = Occupant(images={name: IMAGES[name] for name in names}, since=NOW)
    for name, ran in taken:
        side = with_taken_out(side, (name,), ran)
    kept, left = fitting(side, names)
    assert len(kept.model_dump_json(by_alias=True, indent=1).encode()) <= LARGEST_BYTES + 1_000
    assert set(names) <= kept.images.keys()
    assert {*kept.images, *left} == side.images.keys()
    if any(side.roles[name].role != "serving" for name in left):
        assert not [name for name in kept.roles if kept.roles[name].role == "serving"]


def test_what_has_no_pods_takes_room_as_well() -> None:
    side = with_taken_out(Occupant(since=NOW), TAKEN_OUT + tuple(f"more-{name}"[:253] for name in TAKEN_OUT), SERVING)
    kept, _ = fitting(but(side, replicas=dict.fromkeys(side.replicas, 0)), ())
    assert len(kept.model_dump_json(by_alias=True, indent=1).encode()) <= LARGEST_BYTES + 1_000


def test_what_usual_names_take_is_kept_whole() -> None:
    side = Occupant(images=dict.fromkeys(map(str, range(300)), "registry.example/shop/web:1.2.3"), since=NOW)
    assert fitting(side, ["1"]) == (side, ())

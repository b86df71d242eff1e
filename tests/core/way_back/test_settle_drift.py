"""Who may settle a drift by a person's word, in which phase, and which side that means."""

from __future__ import annotations

import pytest

from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Record, begin
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.way_back.going_back import Back, NoWay
from flipgate.core.way_back.settle_drift import judge_adoption, judge_restore
from tests.core.builders import BAKING, BLUE, DARK, GREEN, LIVE, NOW, ROUTES, record, release, shop

BACK = (*BAKING, Phase.ROLLING_BACK)
ENDED = (*BACK, Phase.ROLLED_BACK)
WRONG = Why.WRONG_PHASE

# A release on green went through these phases; the record has users on that side: what either verb does, users being on
# the other one.
WORDS: dict[str, tuple[tuple[Phase, ...], Side, Side | Why, Side | Why]] = {
    "nothing open": ((), BLUE, BLUE, GREEN),
    "deploying": (DARK[:1], BLUE, WRONG, WRONG),
    "dark": (DARK, BLUE, BLUE, WRONG),
    "flipping": (BAKING[:3], BLUE, WRONG, WRONG),
    "baking": (BAKING, GREEN, WRONG, WRONG),
    "live": (LIVE, GREEN, GREEN, WRONG),
    "settling": ((*LIVE, Phase.SETTLING), GREEN, WRONG, WRONG),
    "rolling back": (BACK, BLUE, WRONG, WRONG),
    "rolled back": (ENDED, BLUE, BLUE, Why.NOT_A_WAY_BACK),
}


def said(judged: Back | NoWay | None) -> Side | Why | None:
    return judged.reason if isinstance(judged, NoWay) else judged and judged.to


def at(phases: tuple[Phase, ...], active: Side) -> Record:
    return record(active=active, release=release(*phases) if phases else None)


@pytest.mark.parametrize("name", WORDS)
def test_what_is_put_back_and_what_is_taken_as_meant_depends_on_the_phase(name: str) -> None:
    phases, active, restored, adopted = WORDS[name]
    elsewhere = ROUTES[str(active.other)]
    assert said(judge_restore(at(phases, active), shop(), elsewhere, set(Side))) == restored
    assert said(judge_adoption(at(phases, active), shop(), elsewhere)) == adopted


@pytest.mark.parametrize("name", WORDS)
def test_nothing_is_settled_where_nothing_has_drifted(name: str) -> None:
    phases, active, *_ = WORDS[name]
    there = ROUTES[str(active)]
    assert judge_restore(at(phases, active), shop(), there, set(Side)) is None
    assert judge_adoption(at(phases, active), shop(), there) is None


@pytest.mark.parametrize("name", [name for name in ROUTES if name not in ("blue", "green")])
def test_no_half_of_it_is_taken_as_meant(name: str) -> None:
    assert said(judge_adoption(record(), shop(), ROUTES[name])) == Why.ROUTES_SPLIT


def test_an_open_step_comes_first() -> None:
    open_step, _ = begin(record(), "MoveRoutes", "ci", NOW, {"to": "green", "from": "blue"})
    assert said(judge_restore(open_step, shop(), ROUTES["green"], set(Side))) == Why.JOURNAL_OPEN
    assert said(judge_adoption(open_step, shop(), ROUTES["green"])) == Why.JOURNAL_OPEN

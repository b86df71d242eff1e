"""The maintenance flag: when it has to go, and that people are told once of one that does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flipgate.core.record.maintenance import Maintenance, noted
from flipgate.core.record.maintenance_off import by_hand, not_taken_off, taken_off, to_take_off
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Record
from flipgate.core.spec.application import load_application
from flipgate.core.spec.maintenance import MaintenanceSpec
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput
from flipgate.core.values.reasons import Why
from tests.core.builders import BAKING, DARK, LIVE, NOW, SHOP, record, release

FLAG = noted(MaintenanceSpec(namespace="edge", config_map="flags", key="moving"), NOW)
LATER = NOW + timedelta(hours=2)


def at(*phases: Phase, flag: Maintenance | None = FLAG) -> Record:
    return record(release=release(*phases), maintenance=flag)


@pytest.mark.parametrize(
    ("found", "goes"),
    [
        (at(*DARK), True),
        (at(*DARK, Phase.FLIPPING), False),
        (at(*BAKING), False),
        (at(*BAKING, Phase.ROLLING_BACK), False),
        (at(*LIVE), True),
        (record(maintenance=FLAG), True),
        (at(*LIVE, flag=None), False),
    ],
)
def test_it_goes_unless_users_are_on_their_way_or_watched(found: Record, goes: bool) -> None:
    assert to_take_off(found, NOW) == (FLAG if goes else None)


def test_and_in_any_phase_once_it_was_on_for_as_long_as_it_may_be() -> None:
    assert to_take_off(at(*BAKING), LATER) == FLAG


def test_what_was_taken_off_is_forgotten_and_stands_in_the_journal_but_not_where_another_is_set_by_now() -> None:
    off = taken_off(at(*LIVE), FLAG, "ana", LATER, "it is false again")
    assert (off.maintenance, off.journal[-1].step, off.journal[-1].outcome) == (
        None,
        Why.MAINTENANCE_OFF,
        "it is false again",
    )
    other = at(*LIVE, flag=but(FLAG, at=LATER))
    assert taken_off(other, FLAG, "ana", LATER, "x") == other


def test_what_could_not_be_taken_off_is_told_once_with_the_command_for_it() -> None:
    left = not_taken_off(at(*LIVE), FLAG, "no permission", LATER)
    (told,) = [each for each in left.outbox if each.reason == Why.MAINTENANCE_LEFT_ON]
    assert "no permission" in told.text
    assert told.text.endswith(by_hand(FLAG))
    assert by_hand(FLAG) == """kubectl -n edge patch configmap flags --type merge -p '{"data": {"moving": "false"}}'"""
    assert not_taken_off(left, FLAG, "no permission", LATER) == left


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ("namespace: shop-blue, configMap: flags, key: moving", "a side's namespace: what pods of a side read"),
        ('namespace: edge, configMap: flags, key: moving, during: "false"', 'the same value "false"'),
        ("namespace: edge, configMap: flags, key: a/b", "key"),
        ("namespace: edge, configMap: flags, key: moving, atMostSeconds: 5", "greater than or equal to 60"),
        ("namespace: edge, configMap: flags, key: moving, during: yes", "during"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_the_file_is_read(keys: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        load_application(f"{SHOP}  maintenance: {{{keys}}}\n", "shop.yaml")

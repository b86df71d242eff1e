"""What a step is about to do: typed here, and in the record the JSON that it always was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flipgate.adapters.store import parse_record
from flipgate.core.record.database_intents import (
    ContractDatabase,
    DropClone,
    ExpandDatabase,
    LeaveClones,
    MakeClone,
    RevertDatabase,
)
from flipgate.core.record.intent import Intent, in_words
from flipgate.core.record.intents import (
    INTENTS,
    BringUp,
    CommitImages,
    CommitRoutes,
    CopyObjects,
    DarkPreview,
    HandOver,
    Move,
    Preview,
    ReleaseRoutes,
    RequestMerge,
    Rest,
    Restore,
    RevertImages,
    RunHook,
    SetMaintenance,
    StartJob,
    WithdrawRequest,
)
from tests.core import source
from tests.core.builders import BLUE, GREEN

STORED: tuple[tuple[Intent, dict[str, Any]], ...] = (
    (Move(GREEN), {"to": "green", "from": "blue"}),
    (Move(BLUE, back=True), {"to": "blue", "from": "green", "direction": "back", "forced": False}),
    (Move(BLUE, back=True, forced=True), {"to": "blue", "from": "green", "direction": "back", "forced": True}),
    (HandOver(GREEN), {"to": "green"}),
    (Preview(GREEN, "preview.shop"), {"to": "green", "host": "preview.shop"}),
    (DarkPreview(GREEN, "look.shop"), {"to": "green", "host": "look.shop"}),
    (DarkPreview(None, "look.shop"), {"to": "nobody", "host": "look.shop"}),
    (BringUp(GREEN), {"side": "green"}),
    (CommitImages(GREEN), {"side": "green"}),
    (CommitRoutes(GREEN), {"to": "green"}),
    (ReleaseRoutes(GREEN), {"to": "green"}),
    (Rest(BLUE, {"web": 0}), {"side": "blue", "replicas": {"web": 0}}),
    (
        Rest(BLUE, {"web": 1}, "HorizontalPodAutoscaler web minimum 2"),
        {"side": "blue", "replicas": {"web": 1}, "before": "HorizontalPodAutoscaler web minimum 2"},
    ),
    (Restore(BLUE, {"web": 2}), {"side": "blue", "replicas": {"web": 2}}),
    (CopyObjects(GREEN, "Secret a, ConfigMap b"), {"side": "green", "objects": "Secret a, ConfigMap b"}),
    (StartJob(GREEN, "smoke-1"), {"side": "green", "job": "smoke-1"}),
    (RunHook(GREEN, "warm"), {"side": "green", "hook": "warm"}),
    (RequestMerge(GREEN, "flipgate/a"), {"to": "green", "branch": "flipgate/a"}),
    (RevertImages(GREEN, "a-1"), {"side": "green", "release": "a-1"}),
    (WithdrawRequest(GREEN, "flipgate/a"), {"to": "green", "branch": "flipgate/a"}),
    (ExpandDatabase(GREEN, "orders", "12"), {"side": "green", "database": "orders", "before": "12"}),
    (ContractDatabase(BLUE, "orders", "13"), {"side": "blue", "database": "orders", "before": "13"}),
    (RevertDatabase(GREEN, "orders", "13"), {"side": "green", "database": "orders", "before": "13"}),
    (MakeClone(GREEN, "orders", "orders_1"), {"side": "green", "database": "orders", "name": "orders_1"}),
    (LeaveClones(GREEN, "3f2a9c01d4e8-1"), {"side": "green", "release": "3f2a9c01d4e8-1"}),
    (DropClone(GREEN, "orders", "orders_1"), {"side": "green", "database": "orders", "name": "orders_1"}),
    (SetMaintenance("key a of ConfigMap b/c", "on"), {"flag": "key a of ConfigMap b/c", "value": "on"}),
)
"""As flipgate wrote them before they had types, or with less: what is stored is not to change otherwise."""


@pytest.mark.parametrize(("meant", "stored"), STORED, ids=lambda value: getattr(value, "step", ""))
def test_each_is_written_as_it_always_was_and_read_back(meant: Intent, stored: dict[str, Any]) -> None:
    assert (meant.written(), list(meant.written())) == (stored, list(stored))
    assert type(meant).read(stored) == meant


def test_all_are_looked_at_and_each_has_a_step_of_its_own() -> None:
    assert {type(meant) for meant, _ in STORED} == set(INTENTS)
    assert len({kind.step for kind in INTENTS}) == len(INTENTS)


def test_a_record_of_an_older_flipgate_is_read() -> None:
    entries = [
        {
            "id": number,
            "step": meant.step,
            "state": "done",
            "actor": "ci",
            "at": "2026-03-01T12:00:00Z",
            "intent": stored,
        }
        for number, (meant, stored) in enumerate(STORED, 1)
    ]
    old = {"schema": 1, "application": "shop", "active": "blue", "sides": {}, "journal": entries}
    record = parse_record(json.dumps(old), "shop", "flipgate")
    assert [type(meant).read(e.intent) for (meant, _), e in zip(STORED, record.journal, strict=True)] == [
        meant for meant, _ in STORED
    ]
    written = json.loads(record.model_dump_json(by_alias=True))["journal"]
    assert [entry["intent"] for entry in written] == [stored for _, stored in STORED]


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ({"to": "blue", "from": "green", "direction": "back"}, Move(BLUE, back=True)),  # before there was `forced`
        ({"to": "green"}, Move(GREEN)),
        ({}, None),
        ({"to": "purple"}, None),
    ],
)
def test_who_only_looks_bears_what_does_not_say_where_to(stored: dict[str, Any], found: Move | None) -> None:
    assert Move.find(stored) == found


def test_an_older_flipgate_wrote_a_releases_images_once_more() -> None:
    stored = {"side": "green", "images": {"web": "acme/web:2"}, "replicas": {"web": 2}}
    assert BringUp.read(stored) == BringUp(GREEN)
    assert CommitImages.read(stored) == CommitImages(GREEN)


def test_who_acts_does_not() -> None:
    with pytest.raises(KeyError):
        Move.read({"from": "blue"})
    with pytest.raises(ValueError, match="purple"):
        HandOver.read({"to": "purple"})


def test_counts_that_are_no_counts_are_none() -> None:
    assert Rest.read({"side": "blue", "replicas": "two"}) == Rest(BLUE, {})


def test_people_are_told_the_words_and_no_counts() -> None:
    assert [in_words(stored) for _, stored in STORED[:2]] == [
        "to green, from blue",
        "to blue, from green, direction back",
    ]
    assert in_words(STORED[11][1]) == "side blue"


def test_nobody_else_reads_or_writes_one_by_its_keys() -> None:
    assert source.matching(r"\bintent(\.get\(|\[|\.items)", source.files()) == []

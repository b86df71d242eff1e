"""What is missing on the dark side, what differs there, and what of that a file has refused, allowed or copied."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.spec.parity import Parity
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.keepers import Keeper
from flipgate.core.workloads.named import Named, Ref
from flipgate.core.workloads.parity import ACCOUNT_TOKEN, Contents, SideObjects, copies, rows
from tests.core.builders import BLUE, GREEN, PLACES

KEY: Ref = ("Secret", "key")
NAMED = (Named(*KEY, frozenset("a"), ("Deployment web",)),)
KEY_A = {"kind": "Secret", "name": "key"}
OLD, NEW = Contents({"a": "1", "b": "2"}, "Opaque"), Contents({"a": "1", "b": "3"}, "Opaque")


def side(which: Any, found: dict[Ref, Contents | None], named: tuple[Named, ...] = NAMED, **more: Any) -> SideObjects:
    return SideObjects(PLACES[which], named, found, **more)


def parity(**keys: Any) -> Parity:
    return Parity.model_validate(keys)


EQUAL = parity(equal=[{"kind": "Secret", "name": "key"}])
COPIED = parity(equal=[{"kind": "Secret", "name": "key", "sync": "copy"}])


def judged(given: Parity | None, old: Contents | None, new: Contents | None) -> list[Evidence]:
    return rows(given, side(BLUE, {KEY: old}), side(GREEN, {KEY: new}))


def verdicts(found: list[Evidence]) -> list[tuple[str, str]]:
    return [(each.gate, str(each.verdict)) for each in found]


def test_what_pods_name_and_is_not_there_fails_with_the_line_that_makes_it_as_it_is_on_the_live_side() -> None:
    (row,) = judged(None, OLD, None)
    assert (row.gate, row.verdict) == ("Secret key", Verdict.FAIL)
    assert row.answer == "does not exist in shop-green, named by Deployment web"
    change = "sed 's/namespace: shop-blue/namespace: shop-green/'"
    assert row.mend == f"kubectl -n shop-blue get secret key -o yaml | {change} | kubectl create -f -"


def test_what_is_optional_may_be_missing_and_is_compared_where_it_is_there() -> None:
    optional = (Named(*KEY, by=("Deployment web",), needed=False),)
    assert rows(None, side(BLUE, {KEY: OLD}, optional), side(GREEN, {KEY: None}, optional)) == []
    (row, _) = rows(None, side(BLUE, {KEY: OLD}, optional), side(GREEN, {KEY: NEW}, optional))
    assert row.answer == "differs from the live side's: keys b"


def test_one_that_images_alone_are_pulled_with_fails_where_the_live_side_has_it() -> None:
    pulled = (Named(*KEY, by=("ServiceAccount default",), pulls=True),)
    (row,) = rows(None, side(BLUE, {KEY: None}, pulled), side(GREEN, {KEY: None}, pulled))
    assert (row.verdict, "pulls its images without it" in row.answer) == (Verdict.INFO, True)
    (row,) = rows(None, side(BLUE, {KEY: OLD}, pulled), side(GREEN, {KEY: None}, pulled))
    assert row.verdict is Verdict.FAIL


@pytest.mark.parametrize("old", [None, Contents(kept_by=Keeper("ExternalSecret", "key"))])
def test_where_the_live_side_has_none_that_could_be_copied_it_is_made_anew(old: Contents | None) -> None:
    (row,) = judged(None, old, None)
    assert row.mend == "kubectl -n shop-green create secret generic key"


def test_a_key_that_pods_name_and_is_not_in_it_fails() -> None:
    (row, *_) = judged(None, OLD, Contents({"b": "2"}, "Opaque"))
    assert row.answer == "in shop-green has no key a, named by Deployment web"


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (None, "info"),
        (parity(), "info"),
        (EQUAL, "fail"),
        (parity(equal=[{"kind": "Secret"}]), "fail"),
        (parity(equal=[{"kind": "ConfigMap"}]), "info"),
    ],
)
def test_what_differs_is_shown_and_fails_where_the_file_wants_it_equal(given: Parity | None, verdict: str) -> None:
    row = judged(given, OLD, NEW)[0]
    assert (row.gate, row.verdict) == ("Secret key", verdict)
    assert row.answer == "differs from the live side's: keys b"


def test_a_type_is_part_of_it() -> None:
    assert judged(EQUAL, OLD, Contents(OLD.digests, "kubernetes.io/tls"))[0].answer == (
        "differs from the live side's: type kubernetes.io/tls, live Opaque"
    )


@pytest.mark.parametrize("keys", [["b"], []])
def test_what_may_differ_is_neither_refused_nor_shown(keys: list[str]) -> None:
    given = parity(equal=[{"kind": "Secret"}], differ=[{"kind": "Secret", "name": "key", "keys": keys}])
    assert verdicts(judged(given, OLD, NEW)) == [("parity", "pass")]


def test_a_name_with_kustomizes_hash_is_the_same_thing_on_both_sides() -> None:
    old, new = ("ConfigMap", "app-2kdf57g9bt"), ("ConfigMap", "app-9hk7mtb62c")
    plain: dict[Ref, Contents | None] = {("ConfigMap", "app"): None}  # looked for by the name that the file says
    live, dark = side(BLUE, {**plain, old: OLD}, ()), side(GREEN, {**plain, new: NEW}, ())
    given = parity(equal=[{"kind": "ConfigMap", "name": "app"}])
    assert verdicts(rows(given, live, dark)) == [(f"ConfigMap {new[1]}", "fail")]


def test_what_is_to_be_equal_and_is_not_there_fails_though_no_pod_names_it() -> None:
    live, dark = side(BLUE, {KEY: OLD}, ()), side(GREEN, {KEY: None}, ())
    (row,) = rows(EQUAL, live, dark)
    assert (row.verdict, row.answer) == (Verdict.FAIL, "does not exist in shop-green, and is to be equal")


@pytest.mark.parametrize(("given", "verdict"), [(None, "info"), (EQUAL, "unknown")])
def test_what_may_not_be_read_is_unknown_where_the_file_asks_for_it(given: Parity | None, verdict: str) -> None:
    dark = side(GREEN, {}, unread={KEY: "kubectl auth can-i get secrets/key -n shop-green"})
    (row,) = rows(given, side(BLUE, {KEY: OLD}), dark)
    asks = "kubectl auth can-i get secrets/key -n shop-green"
    assert (row.gate, row.verdict, row.mend) == ("Secrets of green", verdict, asks)
    assert "may not be read in shop-green: key" in row.answer


@pytest.mark.parametrize("new", [NEW, None])
def test_what_is_copied_is_foretold_and_keeps_no_release_back(new: Contents | None) -> None:
    (row, *others) = judged(COPIED, OLD, new)
    assert row.verdict is Verdict.INFO
    assert row.answer.endswith("it is copied from shop-blue once all rows that only look pass")
    assert not [each for each in others if each.verdict is not Verdict.PASS]
    assert copies(COPIED, side(BLUE, {KEY: OLD}), side(GREEN, {KEY: new})) == [KEY]


def test_a_key_that_pods_name_and_the_copy_would_not_have_fails() -> None:
    (row, *_) = judged(COPIED, Contents({"b": "2"}, "Opaque"), OLD)
    assert (row.verdict, row.answer) == (Verdict.FAIL, "in shop-blue has no key a, named by Deployment web")
    keeps = parity(equal=[{"kind": "Secret", "name": "key", "sync": "copy"}], differ=[{**KEY_A, "keys": ["a"]}])
    assert not [each for each in judged(keeps, Contents({"b": "2"}, "Opaque"), OLD) if each.verdict is Verdict.FAIL]
    (row, *_) = judged(keeps, OLD, None)
    assert (row.verdict, row.answer) == (Verdict.FAIL, "in shop-green has no key a, named by Deployment web")


def test_what_is_the_same_is_not_copied() -> None:
    assert verdicts(judged(COPIED, OLD, OLD)) == [("parity", "pass")]
    assert copies(COPIED, side(BLUE, {KEY: OLD}), side(GREEN, {KEY: OLD})) == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (None, NEW, "does not exist in shop-blue"),
        (OLD, Contents({}, "Opaque", kept_by=Keeper("ExternalSecret", "key")), "is kept by ExternalSecret key"),
        (OLD, Contents({}, "Opaque", immutable=True), "is immutable"),
        (OLD, Contents({}, "kubernetes.io/tls"), "is of type kubernetes.io/tls, the live one of Opaque"),
        (Contents({"a": "1"}, ACCOUNT_TOKEN), Contents({}, ACCOUNT_TOKEN), "is a token of its own namespace"),
    ],
)
def test_what_cannot_be_copied_fails_and_says_why(old: Contents | None, new: Contents, why: str) -> None:
    (row, *_) = judged(COPIED, old, new)
    assert row.verdict is Verdict.FAIL
    assert why in row.answer


def test_all_that_is_there_is_one_row() -> None:
    (row,) = judged(None, OLD, OLD)
    assert (row.verdict, row.answer) == (Verdict.PASS, "there: 1 Secret")
    assert rows(None, side(BLUE, {}, ()), side(GREEN, {}, ())) == []

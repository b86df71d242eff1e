"""What a copy consists of: nothing of the content first, all of it but for the keys that may differ then."""

from __future__ import annotations

from flipgate.core.workloads.copying import copied_data, copy_labels, empty_copy, filling, labelling

LABELS = copy_labels("shop", "shop-blue", "3.abc")


def test_a_copy_is_made_with_nothing_of_the_content() -> None:
    source = {"type": "Opaque", "data": {"password": "aHVudGVyMg=="}}
    body = empty_copy("Secret", "key", source, LABELS)
    assert (body["type"], body.get("data")) == ("Opaque", None)
    assert "aHVudGVyMg==" not in str(body)
    assert body["metadata"]["labels"] == {
        "flipgate.dev/application": "shop",
        "flipgate.dev/copy-of": "shop-blue",
        "flipgate.dev/stamp": "3.abc",
    }


def test_a_secret_of_a_type_that_has_to_have_keys_has_them_empty() -> None:
    source = {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "eyJhIjoxfQ=="}}
    assert empty_copy("Secret", "key", source, LABELS)["data"] == {".dockerconfigjson": "e30="}


def test_a_config_map_has_no_type_and_both_parts_are_filled() -> None:
    source = {"data": {"a": "1"}, "binaryData": {"b": "AA=="}}
    assert empty_copy("ConfigMap", "app", source, LABELS).keys() == {"apiVersion", "kind", "metadata"}
    assert filling(source, {}, frozenset()) == [
        {"op": "add", "path": "/data", "value": {"a": "1"}},
        {"op": "add", "path": "/binaryData", "value": {"b": "AA=="}},
    ]


def test_what_the_source_has_no_more_goes() -> None:
    assert filling({}, {"data": {"a": "1"}}, frozenset()) == [{"op": "remove", "path": "/data"}]


def test_keys_that_may_differ_stay_as_they_are_there() -> None:
    source, target = {"data": {"a": "1", "side": "blue", "new": "2"}}, {"data": {"a": "0", "side": "green"}}
    found = copied_data(source, target, frozenset({"side", "lost"}))
    assert found["data"] == {"a": "1", "new": "2", "side": "green"}


def test_a_value_that_is_a_name_of_its_own_side_is_that_of_the_other_one_in_the_copy() -> None:
    """Both compare as the same: a copy of another key must not tell the dark side that it is the live one."""
    names = {"blue": "green", "shop-blue": "shop-green"}
    source = {"kind": "ConfigMap", "data": {"a": "1", "side": "blue", "schema": "shop-blue"}}
    target = {"data": {"a": "0", "side": "green", "schema": "shop-green"}}
    found = copied_data(source, target, frozenset(), names)
    assert found["data"] == {"a": "1", "side": "green", "schema": "shop-green"}
    secret = {"kind": "Secret", "data": {"side": "Ymx1ZQ==", "word": "Ymx1ZXM="}}
    assert copied_data(secret, {}, frozenset(), names)["data"] == {"side": "Z3JlZW4=", "word": "Ymx1ZXM="}


def test_labels_are_added_to_those_that_stand_there() -> None:
    assert labelling("shop", "shop-blue") == [
        {"op": "add", "path": "/metadata/labels/flipgate.dev~1application", "value": "shop"},
        {"op": "add", "path": "/metadata/labels/flipgate.dev~1copy-of", "value": "shop-blue"},
    ]

"""What a reference does not tell: pods made anew, image IDs compared, what keeps a tag from being pulled."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.record.release import again_mark, release_id
from flipgate.core.values.sides import Side
from flipgate.core.workloads.containers import Marks, changes, rolls
from flipgate.core.workloads.content import (
    Content,
    compared,
    content_of,
    content_shown,
    deploy_again,
    image_ids,
    not_approved,
    several,
)
from flipgate.core.workloads.view import AGAIN, DATABASES, Workload
from tests.core.builders import GREEN, deployment, shop, side


def pod(image_id: str, name: str = "web", **meta: Any) -> dict[str, Any]:
    return {"metadata": meta, "status": {"containerStatuses": [{"name": name, "imageID": image_id}]}}


def web(**template: Any) -> Workload:
    pods = {"spec": {"containers": [{"name": "web", "image": "acme/web:main"}]}, **template}
    return Workload("web", "shop-green", found=True, replicas=1, images={"web": "acme/web:main"}, template=pods)


@pytest.mark.parametrize(
    ("template", "paths"),
    [
        ({}, ["/spec/template/metadata"]),
        ({"metadata": {}}, ["/spec/template/metadata/annotations"] * 2),
        ({"metadata": {"annotations": {AGAIN: "older"}}}, ["/spec/template/metadata/annotations/flipgate.dev~1again"]),
        ({"metadata": {"annotations": {AGAIN: "mark"}}}, []),
    ],
)
def test_a_mark_makes_pods_anew_once(template: dict[str, Any], paths: list[str]) -> None:
    workload, service = web(**template), shop().service("web")
    found = changes(workload, service, "acme/web:main", 1, Marks("mark"))
    assert [each["path"] for each in found] == paths
    assert rolls(workload, service, "acme/web:main", Marks("mark")) is bool(paths)
    assert changes(workload, service, "acme/web:main", 1) == []


def test_two_marks_stand_beside_each_other() -> None:
    workload, service = (
        web(metadata={"annotations": {AGAIN: "mark", DATABASES: "orders=orders"}}),
        shop().service("web"),
    )
    (found,) = changes(workload, service, "acme/web:main", 1, Marks("mark", "orders=orders_1"))
    assert (found["path"], found["value"]) == (
        "/spec/template/metadata/annotations/flipgate.dev~1databases",
        "orders=orders_1",
    )
    (both,) = [each for each in changes(web(), service, "acme/web:main", 1, Marks("a", "b")) if each["op"] == "add"]
    assert both["value"] == {"annotations": {AGAIN: "a", DATABASES: "b"}}


def test_the_same_word_is_the_same_mark_and_another_another_release() -> None:
    assert again_mark("") == ""
    assert again_mark("7") == again_mark("7") != again_mark("8")
    assert release_id({"a": 1}, {}) == release_id({"a": 1})
    assert len({release_id({"a": 1}, {"web": mark}) for mark in ("1", "2")} | {release_id({"a": 1})}) == 3


def test_pods_say_what_they_run_whatever_name_it_came_under() -> None:
    pods = [pod("docker.io/acme/web@sha256:a"), pod("sha256:a"), pod("sha256:b", "sidecar"), pod("")]
    assert image_ids([*pods, pod("sha256:old", deletionTimestamp="2026-03-01T12:00:00Z")], "web") == {"sha256:a"}
    assert image_ids([{"metadata": {}}], "web") == frozenset()


@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        ({"sha256:a"}, {"sha256:a"}, "same content as what is live (sha256:a). not pulled"),
        ({"sha256:a"}, {"sha256:b"}, "other content than what is live: sha256:a, blue runs sha256:b"),
        ({"sha256:a", "sha256:b"}, {"sha256:b"}, "other content than what is live: sha256:a and sha256:b, blue runs"),
        (set(), {"sha256:b"}, "not known whether it is other content than what is live: no pod of green says"),
        ({"sha256:a"}, set(), "not known whether it is other content than what is live: no pod of blue says"),
    ],
)
def test_it_is_said_and_never_a_verdict(new: set[str], old: set[str], said: str) -> None:
    found = compared("web", "acme/web:main", Side.GREEN, new, old, ["not pulled"])
    assert found.answer.startswith(said)
    assert found.verdict == "info"


def test_only_a_tag_can_be_pushed_anew() -> None:
    digest = f"acme/web:1@sha256:{'a' * 64}"
    assert deploy_again(shop(), {"web": digest}) == ""
    assert "--image mailer=acme/mailer:1 --again" in deploy_again(shop(), {"web": digest, "mailer": "acme/mailer:1"})


def running(ref: str, image_id: str, *, app: str = "web", phase: str = "Running", **meta: Any) -> dict[str, Any]:
    """A pod of the side, with a sidecar that has its digest in its name."""
    pinned = {"name": "proxy", "image": f"acme/proxy@sha256:{'b' * 64}"}
    return {
        "metadata": {"labels": {"app": app, "more": "x"}, **meta},
        "spec": {"containers": [{"name": "web", "image": ref}, pinned]},
        "status": {
            "phase": phase,
            "containerStatuses": [{"name": "web", "imageID": image_id}, {"name": "proxy", "imageID": "sha256:c"}],
        },
    }


TAG = "acme/web:1"
WEB_SIDE = side(GREEN, deployment(selector={"matchLabels": {"app": "web"}}))
"""Its `mailer` has no pods, and nothing that selects any."""


def test_what_pods_run_is_told_by_reference_and_of_those_alone_that_are_the_sides() -> None:
    pods = [
        running(TAG, "docker.io/acme/web@sha256:a"),
        running(TAG, "sha256:a"),
        running(TAG, "sha256:old", deletionTimestamp="2026-03-01T12:00:00Z"),
        running(TAG, "sha256:evicted", phase="Failed"),
        running(TAG, "sha256:other", app="somebody-elses"),
        running("acme/web:0", "sha256:before"),
    ]
    found = content_of(WEB_SIDE, pods)
    assert found == {"acme/mailer:1": Content(), TAG: Content(("sha256:a",))}
    assert several(found) == ""
    assert [(each.gate, each.verdict, each.answer) for each in content_shown(found)] == [
        (f"image {TAG}", "info", "sha256:a"),
        ("images without pods", "info", "not known before they start: acme/mailer:1"),
    ]


def test_one_tag_with_two_contents_is_named() -> None:
    found = content_of(WEB_SIDE, [running(TAG, "sha256:a"), running(TAG, "sha256:b")])
    assert several(found) == f"pods of {TAG} run sha256:a and sha256:b"


def test_pods_that_say_nothing_are_unknown_and_not_a_pass() -> None:
    (shown, _) = content_shown(content_of(WEB_SIDE, [running(TAG, "")]))
    assert (shown.verdict, shown.answer[:41]) == ("unknown", "1 containers do not say what they run; a ")


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (Content(("sha256:a",)), ""),
        (Content(), ""),
        (Content(("sha256:b",)), f"pods of {TAG} run sha256:b, approved was sha256:a"),
        (Content(("sha256:a", "sha256:b")), f"pods of {TAG} run sha256:a and sha256:b, approved was sha256:a"),
        (Content(("sha256:a",), 1), f"1 containers of {TAG} do not say what they run, approved was sha256:a"),
    ],
)
def test_other_content_than_was_approved_is_named(now: Content, told: str) -> None:
    assert not_approved({TAG: ["sha256:a"]}, {TAG: now, "acme/mailer:1": Content(("sha256:x",))}) == told

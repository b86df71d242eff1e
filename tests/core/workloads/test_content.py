"""What a reference does not tell: pods made anew, image IDs compared, what keeps a tag from being pulled."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.record.release import again_mark, release_id
from flipgate.core.values.sides import Side
from flipgate.core.workloads.containers import changes, rolls
from flipgate.core.workloads.content import compared, deploy_again, image_ids
from flipgate.core.workloads.view import AGAIN, Workload
from tests.core.builders import shop


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
    found = changes(workload, service, "acme/web:main", 1, "mark")
    assert [each["path"] for each in found] == paths
    assert rolls(workload, service, "acme/web:main", "mark") is bool(paths)
    assert changes(workload, service, "acme/web:main", 1) == []


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

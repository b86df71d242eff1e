"""What a container wrote before it ended, in the message that says that its pod is not Ready."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.store import Store
from flipgate.steps.acting.world import World
from flipgate.steps.looking.why import why_not_ready
from tests.api.shop import GREEN, Shop
from tests.api.wire import Answer, Handler, serving

CRASHING = {"waiting": {"reason": "CrashLoopBackOff"}}
CRASHED = "web: 1 init container migrate: CrashLoopBackOff after 2 restarts, last with exit code 3"


def pod(state: dict[str, Any], **last: Any) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": "web-6f5c9d8b7"}
    before = {"terminated": {"exitCode": 3, "reason": "Error", **last}}
    migrate = {"name": "migrate", "state": state, "restartCount": 2, "lastState": before}
    meta = {"name": "web-1", "namespace": "shop-green", "ownerReferences": [owner]}
    return {"metadata": meta, "spec": {}, "status": {"phase": "Pending", "initContainerStatuses": [migrate]}}


def said(tmp_path: Path, shop: Shop, found: dict[str, Any], log: Answer) -> tuple[str, list[str]]:
    """What is said of this pod, and how its log was asked for."""
    asked: list[str] = []

    def script(request: Handler) -> Answer:
        if "/log?" not in request.path:
            return 200, json.dumps({"items": [found]}).encode()
        asked.append(request.path)
        return log

    with serving(script, tmp_path) as cluster:
        world = World(cluster, Store(cluster, "fg", "shop"), shop.application, "ana")
        return why_not_ready(world, GREEN, ["web"]), asked


def test_the_last_lines_of_a_container_that_ended_are_shown(tmp_path: Path, shop_on_paper: Shop) -> None:
    log = b"migrating\nDB_PASSWORD=hunter2\nno such table: \x1b[31mstandings\n"
    text, (asked,) = said(tmp_path, shop_on_paper, pod(CRASHING), (200, log))
    assert text == f"{CRASHED}, last lines: migrating | DB_PASSWORD=*** | no such table: ?[31mstandings"
    assert "container=migrate" in asked
    assert "tailLines=3" in asked
    assert "previous" not in asked


def test_of_one_that_runs_again_those_before_are(tmp_path: Path, shop_on_paper: Shop) -> None:
    text, (asked,) = said(tmp_path, shop_on_paper, pod({"running": {}}), (200, b"no such table\n"))
    assert text.endswith("running again after 2 restarts, last with exit code 3, last lines: no such table")
    assert "previous=true" in asked


def test_a_termination_message_needs_no_log(tmp_path: Path, shop_on_paper: Shop) -> None:
    text, asked = said(tmp_path, shop_on_paper, pod(CRASHING, message="no such table\n"), (500, b""))
    assert (text, asked) == (f"{CRASHED}, last lines: no such table", [])


@pytest.mark.parametrize(
    ("log", "more"),
    [
        (
            (403, b'{"kind": "Status", "message": "pods/log is forbidden"}'),
            " (no permission to read its last lines: kubectl auth can-i get pods --subresource=log -n shop-green)",
        ),
        ((404, b'{"kind": "Status", "message": "pods web-1 not found"}'), ""),
        ((200, b""), ""),
    ],
)
def test_without_a_log_the_cause_is_said_all_the_same(
    tmp_path: Path, shop_on_paper: Shop, log: Answer, more: str
) -> None:
    assert said(tmp_path, shop_on_paper, pod(CRASHING), log)[0] == f"{CRASHED}{more}"

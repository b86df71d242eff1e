"""A world that answers badly, slowly or not at all: always one of flipgate's own errors, in a sentence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.routes import find_route_api
from flipgate.core.record.record import EntryState
from flipgate.core.values.base import but
from flipgate.core.values.errors import (
    Conflict,
    FlipgateError,
    Forbidden,
    NotFound,
    PermanentError,
    Refused,
    TemporaryError,
    Unreachable,
)
from flipgate.steps.going_back.recover import recover
from flipgate.steps.moving.move import move, move_back
from flipgate.steps.releasing.setup import check_application
from tests.api.authority import unleased
from tests.api.shop import BLUE, GREEN, Shop, under_lease
from tests.api.wire import Answer, Handler, Noting, Through, connect, listening, serving

POD = "/api/v1/namespaces/x/pods/y"
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def status(code: int, message: str, **details: Any) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "message": message, "details": details}).encode()


def shortly(value: object) -> str | None:
    """A case's id without its answer's body."""
    return "" if isinstance(value, bytes) else None


def always(code: int, body: bytes) -> Callable[[Handler], Answer | None]:
    return lambda request: (code, body)


@pytest.mark.parametrize(
    ("code", "body", "error", "said"),
    [
        (401, status(401, "Unauthorized"), Forbidden, "401: Unauthorized"),
        (403, status(403, "pods is forbidden"), Forbidden, "kubectl auth can-i"),
        (404, status(404, 'pods "y" not found'), NotFound, "not found"),
        (409, status(409, "the object has been modified"), Conflict, "modified"),
        (410, status(410, "too old resource version"), Conflict, "too old"),
        (422, status(422, "the server rejected our request"), Conflict, "no longer so"),
        (422, status(422, "spec.replicas is invalid", causes=[{"field": "spec"}]), PermanentError, "spec.replicas"),
        (429, status(429, "too many requests"), TemporaryError, "429: too many"),
        (500, status(500, "etcdserver: request timed out"), TemporaryError, "500: etcdserver"),
        (503, b"", TemporaryError, "503"),
        (502, HTML, TemporaryError, "502 Bad Gateway"),
        (503, b"\xff\xfe not text", TemporaryError, "503"),
        (500, b"[]", TemporaryError, "500"),
        (200, HTML, TemporaryError, "not JSON"),
        (200, b"", TemporaryError, "not JSON"),
        (200, b"[1, 2]", TemporaryError, "no object"),
        (200, b'"words"', TemporaryError, "no object"),
        (200, b"\xff\xfe", TemporaryError, "not JSON"),
        (302, b"", TemporaryError, "302"),
    ],
    ids=shortly,
)
def test_every_answer_becomes_an_error_of_ours(
    tmp_path: Path, code: int, body: bytes, error: type[FlipgateError], said: str
) -> None:
    with serving(always(code, body), tmp_path) as cluster, pytest.raises(error, match=said) as caught:
        cluster.get(POD)
    assert type(caught.value) is error
    assert str(caught.value).startswith(POD)


def test_a_slow_answer_is_waited_for_as_long_as_was_said(tmp_path: Path) -> None:
    def slow(request: Handler) -> Answer:
        time.sleep(0.5)
        return 200, b"{}"

    with serving(slow, tmp_path) as cluster:
        with pytest.raises(Unreachable, match=r"limit 0\.(1|09\d+) s") as caught:
            cluster.patch(POD, [], timeout=0.1)
        with pytest.raises(Unreachable):
            cluster.through_service("x", "web", 80, "/", timeout=0.1)
    assert "kubectl --context wire get --raw /readyz" in str(caught.value)


def test_a_line_that_is_cut_is_no_answer(tmp_path: Path) -> None:
    with serving(lambda request: None, tmp_path) as cluster, pytest.raises(Unreachable, match="did not answer"):
        cluster.get(POD)


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("PATCH", 1)])
def test_what_is_cut_once_is_read_again_but_never_written_again(
    tmp_path: Path, method: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection kept from before that a load balancer has closed since: nothing says so until it is used."""
    monkeypatch.setattr("flipgate.adapters.connection.CUT_AT_ONCE_SECONDS", 5.0)
    asked: list[str] = []

    def cut_first(request: Handler) -> Answer | None:
        asked.append(request.command)
        return (200, b"{}") if len(asked) > 1 else None

    with serving(cut_first, tmp_path) as cluster, suppress(Unreachable):
        cluster.get(POD) if method == "GET" else cluster.patch(POD, [])
    assert asked == [method] * times


def test_a_server_that_stands_behind_a_path_is_asked_there(tmp_path: Path) -> None:
    asked = Noting((200, b"{}"))
    with listening(asked) as address:
        connect(f"http://{address}/k8s/clusters/c-1/", tmp_path).get(POD)
    assert asked.paths == [f"/k8s/clusters/c-1{POD}"]


def test_nobody_there(tmp_path: Path) -> None:
    cluster = connect("http://127.0.0.1:1", tmp_path)
    with pytest.raises(Unreachable, match=r"API server http://127\.0\.0\.1:1"):
        cluster.get(POD)


@pytest.mark.parametrize(
    ("code", "body", "error"),
    [
        (410, status(410, "too old"), Conflict),
        (503, HTML, TemporaryError),
        (200, b"half a li\n", TemporaryError),
        (200, b'{"type": "ERROR", "object": {"message": "too old"}}\n', Conflict),
    ],
    ids=shortly,
)
def test_a_watch_that_goes_wrong(tmp_path: Path, code: int, body: bytes, error: type[FlipgateError]) -> None:
    with serving(always(code, body), tmp_path) as cluster, pytest.raises(error):
        list(cluster.watch(POD, seconds=1))


def test_a_watch_that_is_cut_in_the_middle(tmp_path: Path) -> None:
    def half(request: Handler) -> Answer | None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b'{"type": "ADDED", "object": {}}\n')
        return None

    with serving(half, tmp_path) as cluster, pytest.raises(Unreachable):
        list(cluster.watch(POD, seconds=1))


def groups(*names: str) -> Callable[[Handler], Answer]:
    found = [{"name": name, "preferredVersion": {"groupVersion": f"{name}/v1alpha1"}} for name in names]
    return lambda request: (200, json.dumps({"groups": found}).encode())


@pytest.mark.parametrize(
    ("served", "reason"), [(("apps", "traefik.containo.us"), "DeadRouteApi"), (("apps",), "NoRouteApi")]
)
def test_routes_that_traefik_no_longer_reads(tmp_path: Path, served: tuple[str, ...], reason: str) -> None:
    with serving(groups(*served), tmp_path) as cluster, pytest.raises(Refused, match="Traefik's routes") as refused:
        find_route_api(cluster, "IngressRoute")
    assert refused.value.reason == reason


def test_the_living_api_group_is_taken_where_both_are_served(tmp_path: Path) -> None:
    with serving(groups("traefik.containo.us", "traefik.io"), tmp_path) as cluster:
        assert find_route_api(cluster, "IngressRoute") == "traefik.io/v1alpha1"


def test_check_says_a_dead_api_group_like_any_other_problem(shop: Shop, tmp_path: Path) -> None:
    def old(method: str, path: str) -> Answer | None:
        return groups("traefik.containo.us")(Handler.__new__(Handler)) if path == "/apis" else None

    with serving(Through(shop.kubeconfig, before=old), tmp_path) as cluster:
        (problem,) = check_application(cluster, shop.application, shop.own)
    assert "traefik.containo.us only, which Traefik 3 no longer reads" in problem
    assert "move the IngressRoutes and TraefikServices to traefik.io/v1alpha1" in problem


# Between flipgate and the real API server


def is_route_patch(method: str, path: str) -> bool:
    return method == "PATCH" and "/ingressroutes/" in path


def test_a_move_whose_answer_is_lost_is_found_finished(shop: Shop, tmp_path: Path) -> None:
    shop.adopted()
    with serving(Through(shop.kubeconfig, after=is_route_patch), tmp_path) as cluster, pytest.raises(Unreachable):
        under_lease(shop.world("ana", cluster), move, GREEN)
    world = shop.world("ana")
    assert shop.where() == ("green",)
    assert world.store.read().open_entry  # nobody knows what happened: it stays open
    assert recover(world).changed
    assert (world.store.read().active, world.store.read().journal[-1].state) == (GREEN, EntryState.DONE)


def test_a_move_that_the_server_would_not_take_now_is_backed_out(shop: Shop, tmp_path: Path) -> None:
    world = shop.adopted()
    for code in (429, 500, 503):

        def busy(method: str, path: str, code: int = code) -> Answer | None:
            return (code, status(code, "busy")) if is_route_patch(method, path) else None

        proxy = serving(Through(shop.kubeconfig, before=busy), tmp_path)
        with proxy as cluster, pytest.raises(TemporaryError, match=f"{code}: busy"):
            under_lease(shop.world("ana", cluster), move, GREEN)
        assert shop.where() == ("blue",)
        assert recover(world).fact == "the move to green is undone: traffic on blue"
        assert world.store.read().open_entry is None


def test_somebody_writes_the_route_while_our_patch_is_on_its_way(shop: Shop, tmp_path: Path) -> None:
    shop.adopted()

    def meddle(method: str, path: str) -> None:
        if is_route_patch(method, path):
            shop.annotate()

    with serving(Through(shop.kubeconfig, before=meddle), tmp_path) as cluster:
        with pytest.raises(Refused) as refused:
            under_lease(shop.world("ana", cluster), move, GREEN)
        assert refused.value.reason == "RouteChanged"
        assert shop.where() == ("blue",)

        shop.point("live", f"{shop.name}-green")
        unleased(shop.world("ana", cluster), move_back, BLUE)
        assert shop.where() == ("blue",)


def test_a_record_whose_answer_was_lost_is_not_written_twice(shop_on_paper: Shop, tmp_path: Path) -> None:
    lost: list[str] = []

    def first_put(method: str, path: str) -> bool:
        lost.append(path) if method == "PUT" else None
        return method == "PUT" and len(lost) == 1

    with serving(Through(shop_on_paper.kubeconfig, after=first_put), tmp_path) as cluster:
        world = shop_on_paper.world("ana", cluster)
        with pytest.raises(Unreachable):
            world.store.update(lambda r: but(r, epoch=r.epoch + 1))
    assert shop_on_paper.world().store.read().epoch == 1

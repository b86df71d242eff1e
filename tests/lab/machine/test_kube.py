"""The node agent's line to the API server: refusals, watches, and what it reads before a container starts."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import yaml

from lab.node.environment import Sources
from lab.node.kube import STRATEGIC, Kube, KubeError, insist
from lab.node.world import World

T = TypeVar("T")
Handler = Callable[[httpx.Request], httpx.Response]


def with_kube(handler: Handler, use: Callable[[Kube], Coroutine[Any, Any, T]]) -> T:
    async def play() -> T:
        kube = Kube(httpx.AsyncClient(base_url="http://api.example", transport=httpx.MockTransport(handler)))
        try:
            return await use(kube)
        finally:
            await kube.close()

    return asyncio.run(play())


def refusal(code: int, message: str) -> httpx.Response:
    return httpx.Response(code, json={"kind": "Status", "message": message, "code": code})


def test_a_refusal_carries_its_code_and_message() -> None:
    with pytest.raises(KubeError, match="409: Conflict: somebody was quicker") as caught:
        with_kube(lambda request: refusal(409, "Conflict: somebody was quicker"), lambda kube: kube.get("/x"))
    assert caught.value.code == 409


def test_a_refusal_that_is_no_json_is_told_as_it_is() -> None:
    with pytest.raises(KubeError, match="502: bad gateway"):
        with_kube(lambda request: httpx.Response(502, text="bad gateway"), lambda kube: kube.get("/x"))


def test_a_patch_names_its_kind() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    with_kube(handler, lambda kube: kube.patch("/x", {"a": 1}))
    assert seen[0].headers["content-type"] == STRATEGIC
    assert json.loads(seen[0].content) == {"a": 1}


def watched(lines: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    text = "\n".join(json.dumps(line) for line in lines) + "\n\n"

    async def use(kube: Kube) -> list[tuple[str, Any]]:
        return [event async for event in kube.watch("/x", resourceVersion="5")]

    return with_kube(lambda request: httpx.Response(200, text=text), use)


def test_a_watch_gives_its_events_until_it_ends() -> None:
    assert watched([{"type": "ADDED", "object": {"a": 1}}, {"type": "DELETED", "object": {"a": 1}}]) == [
        ("ADDED", {"a": 1}),
        ("DELETED", {"a": 1}),
    ]


def test_a_watch_that_is_too_old_says_so() -> None:
    with pytest.raises(KubeError, match="410: too old"):
        watched([{"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}])


def test_a_refused_watch_is_a_refusal() -> None:
    async def use(kube: Kube) -> None:
        async for _ in kube.watch("/x"):
            raise AssertionError("no event was sent")

    with pytest.raises(KubeError, match="403: forbidden"):
        with_kube(lambda request: refusal(403, "forbidden"), use)


def test_what_is_needed_is_tried_until_it_is_had() -> None:
    answers = [refusal(503, "starting"), refusal(404, "no namespace yet"), httpx.Response(200, json={})]
    told: list[str] = []

    async def use(kube: Kube) -> None:
        async def attempt() -> None:
            await kube.get("/x")

        await insist(attempt, "registering", told.append)

    with_kube(lambda request: answers.pop(0), use)
    assert [line.split(":")[0] for line in told] == ["registering", "registering"]


def sources(handler: Handler, tmp_path: Path, *wanted: tuple[str, str]) -> Sources:
    async def use(kube: Kube) -> Sources:
        world = World(kube, "lab-node-1", "10.244.0.1", tmp_path, lambda line: None)
        return await world.sources("blue", wanted)

    return with_kube(handler, use)


def test_configuration_is_read_decoded_and_what_is_missing_is_none(tmp_path: Path) -> None:
    objects = {
        "/api/v1/namespaces/blue/configmaps/side": {"data": {"SIDE": "blue"}},
        "/api/v1/namespaces/blue/secrets/keys": {"data": {"k": base64.b64encode(b"v").decode()}},
        "/api/v1/namespaces/blue/configmaps/empty": {},
    }

    def handler(request: httpx.Request) -> httpx.Response:
        found = objects.get(request.url.path)
        return refusal(404, "not found") if found is None else httpx.Response(200, json=found)

    wanted = [("configmaps", "side"), ("secrets", "keys"), ("configmaps", "empty"), ("secrets", "absent")]
    assert sources(handler, tmp_path, *wanted) == {
        ("configmaps", "side"): {"SIDE": "blue"},
        ("secrets", "keys"): {"k": "v"},
        ("configmaps", "empty"): {},
        ("secrets", "absent"): None,
    }


def test_configuration_that_can_not_be_read_is_not_taken_for_missing(tmp_path: Path) -> None:
    with pytest.raises(KubeError, match="403"):
        sources(lambda request: refusal(403, "forbidden"), tmp_path, ("secrets", "keys"))


def test_a_kubeconfig_is_read_with_its_token(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path.write_text(yaml.safe_dump(config))

    async def use() -> tuple[str, str]:
        kube = Kube.from_kubeconfig(path)
        client = kube._client
        await kube.close()
        return client.headers["authorization"], str(client.base_url)

    assert asyncio.run(use()) == ("Bearer t", "https://127.0.0.1:1")

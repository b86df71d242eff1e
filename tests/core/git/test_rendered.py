"""What a commit of images may change beside the declared services, and what it may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from flipgate.core.git.rendered import Rendered, also_changed, also_set, lacks_a_remote
from flipgate.core.values.sides import Side
from tests.core.builders import shop

SHOP = shop()
GREEN = SHOP.place_of(Side.GREEN)
SERVICE = SHOP.spec.services[0]
OWN = f"{SERVICE.kind} {GREEN.namespace}/{GREEN.workload_of(SERVICE)}"
NEW = {service.name: f"shop/{service.name}:2" for service in SHOP.spec.services}


def runs(tag: str, **containers: str) -> dict[str, Any]:
    listed = [{"name": name, "image": f"{image}:{tag}"} for name, image in containers.items()]
    return {"spec": {"template": {"spec": {"containers": listed}}}}


def cron(tag: str, image: str) -> dict[str, Any]:
    return {"spec": {"jobTemplate": runs(tag, it=image)}}


def both(make: Callable[[str], Mapping[str, Any]], name: str) -> tuple[Rendered, Rendered]:
    """An overlay with one service and this object, before and after the commit."""
    found = []
    for tag in ("1", "2"):
        objects = {OWN: runs(tag, **{SERVICE.name: f"shop/{SERVICE.name}"}), name: make(tag)}
        found.append({name: json.loads(json.dumps({**named(name), **obj})) for name, obj in objects.items()})
    return found[0], found[1]


def named(name: str) -> dict[str, Any]:
    kind, _, where = name.partition(" ")
    namespace, _, of = where.partition("/")
    return {"kind": kind, "metadata": {"namespace": namespace, "name": of}}


IMAGE = f"shop/{SERVICE.name}"


@pytest.mark.parametrize(
    ("name", "make", "refused"),
    [
        (f"Job {GREEN.namespace}/migrate", lambda tag: runs(tag, migrate=IMAGE), False),
        (f"CronJob {GREEN.namespace}/report", lambda tag: cron(tag, IMAGE), False),
        (f"Deployment {GREEN.namespace}/extra", lambda tag: runs(tag, a=IMAGE), False),
        (f"Deployment {GREEN.namespace}/extra", lambda tag: runs(tag, a="other/image"), True),
        (f"ConfigMap {GREEN.namespace}/version", lambda tag: {"data": {"tag": tag}}, True),
        (f"Job {SHOP.place_of(Side.BLUE).namespace}/migrate", lambda tag: runs(tag, migrate=IMAGE), True),
        ("Job shared/migrate", lambda tag: runs(tag, migrate=IMAGE), False),
    ],
)
def test_what_is_not_declared_gets_the_images_that_are_released_and_nothing_else(
    name: str, make: Callable[[str], Mapping[str, Any]], refused: bool
) -> None:
    before, after = both(make, name)
    assert also_changed(SHOP, GREEN, before, after, NEW) == ((name,) if refused else ())
    if not refused:
        assert also_set(SHOP, GREEN, before, after) == {name: ((f"{IMAGE}:1", f"{IMAGE}:2"),)}


@pytest.mark.parametrize(
    "said",
    [
        """Get "https://git.example/x.yaml": dial tcp 10.0.0.1:443: connect: connection refused': must build at""",
        "failed to run '/usr/bin/git fetch --depth=1 https://git.example/x HEAD': fatal: unable to access "
        "'https://git.example/x/': Could not resolve host: git.example\n: exit status 128",
        "ssh: connect to host git.example port 22: Connection timed out\nfatal: Could not read from remote repository.",
        "accumulation err='accumulating resources from 'https://a.example/x': HTTP Error: status code 503 (Service",
        "fatal: unable to access 'https://git.example/x/': The requested URL returned error: 502",
        "hit 27s timeout running '/usr/bin/git fetch --depth=1 https://git.example/x HEAD'",
    ],
)
def test_a_remote_base_that_is_away_is_no_fault_of_the_repository(said: str) -> None:
    assert lacks_a_remote(said)


@pytest.mark.parametrize(
    "said",
    [
        "accumulating resources from '../missing-503': evalsymlink failure on 'x' : lstat x: no such file or directory",
        "failed to run '/usr/bin/git fetch --depth=1 https://git.example/x HEAD': remote: Repository not found.",
        "HTTP Error: status code 404 (Not Found)",
        "invalid Kustomization: error converting YAML to JSON: yaml: unexpected EOF",
    ],
)
def test_what_does_not_render_whoever_answers_is(said: str) -> None:
    assert not lacks_a_remote(said)

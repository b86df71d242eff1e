"""docs/preflight.md, followed: its commands in their order, on a real API server; what they say is what the page says,
and its file can be declared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from flipgate.core.spec.application import load_application
from flipgate.core.values.sides import Side
from lab.control.records import Lab
from lab.machine.paths import CHECKOUT
from tests.api.cli.test_your_application import agrees
from tests.api.front import fronted
from tests.api.shop import BLUE, Shop
from tests.api.wire import serving
from tests.core.builders import SHOP

PAGE = (CHECKOUT / "docs" / "preflight.md").read_text()
PARITY = PAGE.partition("## Parity")[2].partition("\n## ")[0]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
READS = [{"secretRef": {"name": "key"}}, {"configMapRef": {"name": "app"}}]


@dataclass(frozen=True)
class Reader:
    """Somebody who types what the page says, about a shop that is called `shop` there."""

    shop: Shop
    path: str
    folder: Path

    def types(self, commands: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", re.sub(r"\bshop\b", self.shop.name, commands)],
            env={"PATH": self.path, "KUBECONFIG": str(self.shop.kubeconfig), "HOME": str(self.folder), "USER": "you"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        return done.stdout.replace(self.shop.name, "shop")


@pytest.fixture
def reader(shop: Shop, lab: Lab, tmp_path: Path) -> Iterator[Reader]:
    """The page's shop: green has no ConfigMap app, and a key that was not rotated."""
    container = {"name": "web", "image": "shop/web:1", "envFrom": READS}
    for side in Side:
        pods = {"spec": {"containers": [container]}}
        shop.cluster.merge(f"{shop.deployments(side)}/web", {"spec": {"template": pods}})
        secrets = f"/api/v1/namespaces/{shop.namespace(side)}/secrets"
        shop.cluster.create(secrets, {"metadata": {"name": "key"}, "stringData": {"password": f"{side}-1"}})
    maps = f"/api/v1/namespaces/{shop.namespace(BLUE)}/configmaps"
    shop.cluster.create(maps, {"metadata": {"name": "app"}, "data": {"a": "1"}})
    shop.adopted()
    program = tmp_path / "bin" / "flipgate"
    program.parent.mkdir()
    wire = f"KUBECONFIG={tmp_path / 'wire.kubeconfig'}"
    program.write_text(f'#!/bin/sh\n{wire} exec {sys.executable} -m flipgate.cli "$@" -n {shop.own}\n')
    program.chmod(0o755)
    with serving(fronted(shop), tmp_path):
        yield Reader(shop, f"{program.parent}:{lab.kubectl.parent}:{os.environ['PATH']}", tmp_path)


def test_who_types_what_the_page_says_gets_what_it_says(reader: Reader) -> None:
    blocks, wrong, said = BLOCK.findall(PARITY), [], ""
    assert [kind for kind, _ in blocks].count("sh") == 5
    for kind, text in blocks:
        if kind == "sh":
            said = reader.types(text)
        elif kind == "text" and not agrees(text, said):
            wrong.append(said)
    assert not wrong, "\n".join(wrong)


def test_the_file_that_the_page_shows_can_be_declared() -> None:
    shown = [yaml.safe_load(text)["spec"] for kind, text in BLOCK.findall(PARITY) if kind == "yaml"]
    assert shown
    for spec in shown:
        document = yaml.safe_load(SHOP)
        document["spec"] |= spec
        load_application(yaml.safe_dump(document), "shop.yaml")

"""docs/preflight.md, its parts on room, reach and pulled images: what it has people apply, type and declare works."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from flipgate.core.spec.application import load_application
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look
from flipgate.steps.looking.nodes import read_room_on_nodes
from lab.control.records import Lab
from lab.machine.paths import CHECKOUT
from tests.api.nodes import put_node
from tests.api.shop import Shop
from tests.api.users import user
from tests.core.builders import SHOP
from tests.repeating import until

PAGE = (CHECKOUT / "docs" / "preflight.md").read_text()


def blocks(heading: str, kind: str) -> list[str]:
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


def test_the_cluster_role_of_the_page_is_the_right_that_lacks(
    shop: Shop, world: World, lab: Lab, tmp_path: Path
) -> None:
    robot = user(shop, tmp_path, "flipgate")
    own = f"flipgate-nodes-{shop.name}"
    (role,), (command,) = blocks("Room", "yaml"), blocks("Room", "sh")
    put_node(shop, "a")
    seen = look(world)
    unread = asked(shop, robot, seen)
    assert unread.startswith("not known: no permission to list nodes")

    typed = command.replace("flipgate-nodes", own).replace("flipgate:flipgate", f"{shop.own}:flipgate")
    env = {"KUBECONFIG": str(shop.kubeconfig), "PATH": f"{lab.kubectl.parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    for words, text in (("kubectl apply -f -", role.replace("flipgate-nodes", own)), (typed, "")):
        subprocess.run(words, shell=True, check=True, input=text, text=True, env=env, timeout=300)
    until(lambda: "not known" not in asked(shop, robot, seen), why="the API server knows the role")


def asked(shop: Shop, robot: Any, seen: Any) -> str:
    (row,) = read_room_on_nodes(shop.world(cluster=robot), seen, None)
    return row.answer


def test_what_the_page_declares_can_be_declared() -> None:
    (reach,), (pull,) = blocks("Reach", "yaml"), blocks("Pulled images", "yaml")
    spec = {**yaml.safe_load(reach)["spec"], **yaml.safe_load(pull)["spec"]}
    document = yaml.safe_load(SHOP)
    document["spec"] |= spec
    declared = load_application(yaml.safe_dump(document), "page.yaml").spec
    assert [each.gate for each in declared.reach] == ["reach database", "reach payments", "reach schema"]
    assert declared.pre_pull

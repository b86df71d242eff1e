"""flipgate's accounts with the rights that the command prints, and a whole release that runs as them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from click.testing import CliRunner

from flipgate.adapters.cluster import Cluster
from flipgate.cli import cli
from flipgate.core.record.form import Filled
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.rights.rule import Account, Asked, Rule, questions
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.releasing.forms import take_form
from flipgate.steps.releasing.questions import pose
from flipgate.steps.releasing.setup import adopt
from tests.api.front import by, saying
from tests.api.played import played
from tests.api.shop import BLUE, COUNTS, Shop
from tests.api.steps import approved
from tests.api.targets import put_endpoints, put_service
from tests.api.town import pod
from tests.api.users import RBAC, user
from tests.api.wire import Answer, Handler, Through, serving
from tests.core.builders import declaring
from tests.repeating import until

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
METHODS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
MORE = """\
  checks: [{name: up, service: web, path: /health}]
  policy: {soakSeconds: 0, bakeSeconds: 10, workers: old-first}
"""


def apply(shop: Shop, text: str) -> None:
    """What `kubectl apply -f -` does with it."""
    for obj in yaml.safe_load_all(text):
        kind, meta = obj["kind"], obj["metadata"]
        if kind == "Namespace":
            continue
        home = "/api/v1/namespaces" if kind == "ServiceAccount" else RBAC
        shop.cluster.apply(f"{home}/{meta['namespace']}/{kind.lower()}s/{meta['name']}", obj)


def printed(shop: Shop, folder: Path, *more: str) -> str:
    """What the command prints for the shop's file."""
    path = folder / "shop.yaml"
    path.write_text(shop.text)
    where = ["--kubeconfig", str(shop.kubeconfig), "-n", shop.own]
    told = CliRunner().invoke(cli, ["check", "-f", str(path), "--rbac", *more, *where], prog_name="flipgate")
    assert told.exit_code == 0, told.stderr
    return told.stdout


def allowed(shop: Shop, account: str, asked: Asked, name: str, own: str = "") -> bool:
    kind, _, part = asked.resource.partition("/")
    what = {"namespace": asked.namespace, "verb": asked.verb, "group": asked.group, "resource": kind}
    review = {
        "user": f"system:serviceaccount:{own or shop.own}:{account}",
        "resourceAttributes": what | {"subresource": part, "name": name},
    }
    return bool(shop.cluster.create(REVIEWS, {"spec": review})["status"]["allowed"])


def until_it_counts(shop: Shop, account: str, rules: tuple[Rule, ...]) -> None:
    """An API server learns of a new Role a moment after it has stored it."""
    for asked in {each.namespace: each for each in questions(rules)}.values():
        name = asked.names[0] if asked.names else ""
        until(lambda asked=asked, name=name: allowed(shop, account, asked, name), why=f"{account} may not {asked}")


class Counting:
    """The way to the API server of one account: each request is authorized there, and noted. Who answers behind a proxy
    is played, for there is nobody in this tier."""

    def __init__(self, shop: Shop, kubeconfig: Path) -> None:
        self.shop, self.through = shop, Through(kubeconfig)
        self.cluster: Cluster
        self.denied: list[str] = []
        self.used: set[tuple[str, str, str, str]] = set()
        """Namespace, verb, resource and name."""

    def __call__(self, request: Handler) -> Answer | None:
        answer = self.through(request)
        assert answer
        self._note(request.command, urlsplit(request.path), answer[0])
        if answer[0] == 403:
            return answer
        if "/pods/" in request.path and "/proxy/" in request.path:
            return saying(f"X-Served-Side: {self.shop.where()[0]}")(request)
        if "/services/" in request.path and "/proxy/" in request.path:
            return 200, b"{}"
        if request.path.startswith(f"/api/v1/namespaces/{self.shop.own}/pods?"):
            return 200, json.dumps({"items": [pod("traefik-1")]}).encode()
        return answer

    def _note(self, method: str, url: Any, status: int) -> None:
        parts = url.path.strip("/").split("/")
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        if rest[:1] != ["namespaces"]:  # discovery; or a list of all namespaces, which nobody here may
            return
        namespace, resource, name = rest[1], *(rest[2:4] + ["namespaces", rest[1]][len(rest[2:4]) :])
        if len(rest) == 3:
            name = ""
        verb = METHODS[method]
        if verb == "get" and not name:
            verb = "watch" if "watch=true" in url.query else "list"
        part = f"/{rest[4]}" if len(rest) > 4 else ""
        if status == 403:
            self.denied.append(f"{verb} {namespace} {resource}{part} {name}")
        self.used.add((namespace, verb, f"{resource}{part}", name if verb != "create" or part else ""))


@contextmanager
def acting_as(shop: Shop, folder: Path, account: str) -> Iterator[tuple[World, Counting]]:
    """One account of the printed ones: its World, and what it asks for."""
    user(shop, folder, account)
    counting = Counting(shop, folder / f"{account}.kubeconfig")
    (folder / account).mkdir()
    with serving(counting, folder / account) as cluster:
        counting.cluster = cluster
        world = shop.world(account, cluster)
        world.application = declaring(
            world.application, policy={"bake_seconds": 1, "bake_interval_seconds": 1, "soak_seconds": 0}
        )
        yield world, counting


def deploy(world: World, tag: str) -> str:
    with played(world) as flows:
        name = flows.deploy_dark(world.application.name, {"web": f"shop/web:{tag}"})
    assert isinstance(name, str)
    return name


def flip(world: World, release: str) -> None:
    approved(world, QuestionKind.FLIP)
    with played(world) as flows:
        assert "is live on green" in str(flows.flip_traffic(world.application.name, release))


def scale_down(world: World, release: str) -> None:
    approved(world, QuestionKind.SCALE_DOWN)
    with played(world) as flows:
        assert "is at rest" in str(flows.scale_down(world.application.name, release))


def back_by_the_form(world: World, release: str) -> None:
    """The scale-down's own account sends users back, where a person answers so."""
    question = pose(world, QuestionKind.SCALE_DOWN, [])
    take_form(world, question, Filled(Decision.ROLLBACK, "a rehearsal", "ben"))
    with played(world) as flows:
        assert flows.scale_down(world.application.name, release).name == "RolledBack"


def reconcile(world: World) -> None:
    from flipgate.steps.watching.conditions import note_conditions
    from flipgate.steps.watching.unwatched import note_success

    with played(world) as flows:
        flows.reconcile(world, "default")
    note_conditions(world)
    note_success(world)


def whole_release(shop: Shop, as_: Callable[[Account], World]) -> None:
    """Deploy, flip, bake, rollback, the same by the form, and once more until the old side rests; reconcile in
    between."""
    adopt(as_(Account.SETUP))
    flip(as_(Account.FLIP), deploy(as_(Account.DEPLOY), "2"))
    reconcile(as_(Account.RECONCILE))
    assert roll_back(as_(Account.FLIP), "a rehearsal", by="robot").way == "fast"
    again = deploy(as_(Account.DEPLOY), "3")
    flip(as_(Account.FLIP), again)
    back_by_the_form(as_(Account.DEPLOY), again)
    release = deploy(as_(Account.DEPLOY), "4")
    flip(as_(Account.FLIP), release)
    scale_down(as_(Account.DEPLOY), release)
    reconcile(as_(Account.RECONCILE))
    assert (shop.where(), shop.counts(BLUE)) == (("green",), dict.fromkeys(COUNTS, 0))
    assert [old.phase for old in shop.world().store.history()] == [Phase.SETTLED, *[Phase.ROLLED_BACK] * 2]


def with_a_check(shop: Shop) -> Shop:
    """The shop with a check of its dark side, and no patience."""
    shop.text += MORE
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)
    return by(shop)

"""Rights, on the real API server: a whole release runs with exactly what `flipgate check --rbac` prints, and each rule
that is taken away is named."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from click.testing import CliRunner

from flipgate.adapters.cluster import Cluster
from flipgate.cli import cli
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.rights.rule import READING, Account, Asked, Rule, held_by, questions
from flipgate.core.rights.rules import rules_of
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.releasing.rights import missing_rights
from flipgate.steps.releasing.setup import adopt, apply_application
from lab.control.records import Lab
from tests.api.front import by, saying
from tests.api.played import played, prefect_played
from tests.api.shop import BLUE, COUNTS, Shop
from tests.api.steps import Install, approved
from tests.api.targets import put_endpoints, put_service
from tests.api.town import pod
from tests.api.users import RBAC, typed, user
from tests.api.wire import Answer, Handler, Through, serving
from tests.core.builders import declaring
from tests.core.source import ROOT
from tests.repeating import until

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
METHODS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
MORE = """\
  checks: [{name: up, service: web, path: /health}]
  policy: {soakSeconds: 0, bakeSeconds: 10, workers: old-first}
"""
UNUSED = {
    ("configmaps", "delete"): "history beyond what is kept",
    ("deployments", "watch"): "pods that take longer to come up than one look",
    ("pods/log", "get"): "a release that fails",
    ("events", "list"): "a release that fails",
    ("middlewares", "get"): "routes that go through some",
    **{(f"{kind}s", "list"): "check alone" for kind in ("statefulset", "daemonset", "cronjob")},
    **{(f"{kind}s", "list"): "not served here" for kind in ("grpcroute", "tlsroute", "tcproute", "udproute")},
    ("ingressrouteudps", "list"): "not served here",
}
"""What this release has no need of, and who has."""


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


@pytest.fixture
def checked_shop(install: Install) -> Shop:
    """A shop whose dark side is asked by a check, and that has no patience."""
    shop = install()
    shop.text += MORE
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)
    return by(shop)


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


def reconcile(world: World) -> None:
    from flipgate.steps.watching.conditions import note_conditions
    from flipgate.steps.watching.unwatched import note_success

    with played(world) as flows:
        flows.reconcile(world, "default")
    note_conditions(world)
    note_success(world)


def whole_release(shop: Shop, as_: Callable[[Account], World]) -> None:
    """Deploy, flip, bake, rollback, and the same once more until the old side rests; reconcile in between."""
    adopt(as_(Account.SETUP))
    flip(as_(Account.FLIP), deploy(as_(Account.DEPLOY), "2"))
    reconcile(as_(Account.RECONCILE))
    assert roll_back(as_(Account.FLIP), "a rehearsal", by="robot").way == "fast"
    release = deploy(as_(Account.DEPLOY), "3")
    flip(as_(Account.FLIP), release)
    scale_down(as_(Account.DEPLOY), release)
    reconcile(as_(Account.RECONCILE))
    assert (shop.where(), shop.counts(BLUE)) == (("green",), dict.fromkeys(COUNTS, 0))
    assert [old.phase for old in shop.world().store.history()] == [Phase.SETTLED, Phase.ROLLED_BACK]


@pytest.mark.xdist_group("prefect")
def test_a_whole_release_runs_with_exactly_what_is_printed_and_uses_each_rule(
    checked_shop: Shop, tmp_path: Path
) -> None:
    shop = checked_shop
    apply(shop, printed(shop, tmp_path))
    rules = rules_of(shop.application, shop.own)
    with acting_as(shop, tmp_path, "flipgate") as (world, counting), prefect_played(tmp_path / "prefect"):
        until_it_counts(shop, "flipgate", rules)
        assert list(missing_rights(world, shop.own)) == []
        counting.used.clear()
        with shop.playing_ready():
            apply_application(counting.cluster, shop.application, shop.text, shop.own)
            whole_release(shop, lambda _: world)
    assert counting.denied == []
    used = {(resource, verb) for _, verb, resource, _ in counting.used}
    assert {(each.resource, each.verb) for each in questions(rules)} - used == set(UNUSED)
    nameless = {(each.namespace, each.verb, each.resource) for each in questions(rules) if not each.names}
    named = {(each.namespace, each.verb, each.resource, n) for each in questions(rules) for n in each.names}
    assert {each for each in counting.used if each[:3] not in nameless} <= named


@pytest.mark.xdist_group("prefect")
def test_each_pipeline_runs_as_an_account_of_its_own(checked_shop: Shop, tmp_path: Path) -> None:
    shop = checked_shop
    apply(shop, printed(shop, tmp_path, "--apart"))
    worlds: dict[Account, World] = {}
    denied: dict[Account, list[str]] = {}
    with ExitStack() as stack:
        stack.enter_context(prefect_played(tmp_path / "prefect"))
        for account in Account:
            name = f"flipgate-{account}"
            worlds[account], counting = stack.enter_context(acting_as(shop, tmp_path, name))
            denied[account] = counting.denied
            if account is Account.SETUP:
                until_it_counts(shop, name, held_by(rules_of(shop.application, shop.own), account))
                apply_application(counting.cluster, shop.application, shop.text, shop.own)
            until_it_counts(shop, name, held_by(rules_of(shop.application, shop.own), account))
        stack.enter_context(shop.playing_ready())
        whole_release(shop, worlds.__getitem__)
    assert denied == {account: [] for account in Account}


def test_each_rule_that_is_taken_away_is_named_by_check(checked_shop: Shop, tmp_path: Path) -> None:
    shop = checked_shop
    apply(shop, printed(shop, tmp_path))
    robot = user(shop, tmp_path, "flipgate")
    rules = rules_of(shop.application, shop.own)
    until_it_counts(shop, "flipgate", rules)
    world = shop.world("check", robot)
    role = f"flipgate-{shop.name}"
    taken = 0
    for namespace in dict.fromkeys(rule.namespace for rule in rules):
        path = f"{RBAC}/{namespace}/roles/{role}"
        whole = shop.cluster.get(path)["rules"]
        for number, rule in enumerate(whole):
            shop.patch(path, ("replace", "/rules", [*whole[:number], *whole[number + 1 :]]))
            held = needed_of(rule, rules, namespace)
            if held:
                until(lambda one=held[0]: not allowed(shop, "flipgate", *one), why=f"{held[0]} is still allowed")
                said = set(missing_rights(world, shop.own))
                assert said == {sentence(held, each) for each in held}, rule
                taken += 1
            shop.patch(path, ("replace", "/rules", whole))
            if held:
                until(lambda one=held[0]: allowed(shop, "flipgate", *one), why=f"{held[0]} is not yet allowed")
    assert taken > 20


def needed_of(rule: dict[str, Any], rules: tuple[Rule, ...], namespace: str) -> list[tuple[Asked, str]]:
    """What of a Role's rule releases need, each thing with one name."""
    asked = questions(each for each in rules if each.needed and each.namespace == namespace)
    return [
        (each, name)
        for each in asked
        if each.group in rule["apiGroups"] and each.resource in rule["resources"] and each.verb in rule["verbs"]
        for name in (each.names or ("",))
        if name in rule.get("resourceNames", [""])
    ]


def sentence(held: list[tuple[Asked, str]], one: tuple[Asked, str]) -> str:
    return one[0].denied(tuple(name for asked, name in held if asked == one[0] and name))


def test_the_commands_of_the_page_give_the_worker_what_it_needs(shop: Shop, lab: Lab, tmp_path: Path) -> None:
    page = (ROOT / "deployments" / "README.md").read_text()
    lines = dedent(page.partition("```sh\n")[2].partition("   ```")[0]).splitlines()
    (tmp_path / "flipgate.yaml").write_text(shop.text)
    for line in lines:
        here = line.replace("uv run flipgate", f"{sys.executable} -m flipgate.cli")
        done = typed(lab, f"cd {ROOT} && {{ cd {tmp_path}; PYTHONPATH={ROOT} {here}; }}", tmp_path)
        assert done.returncode == 0, done.stderr
    rules = rules_of(shop.application, "flipgate")
    for asked in questions(rules):
        name = asked.names[0] if asked.names else ""
        until(lambda a=asked, n=name: allowed(shop, "flipgate", a, n, "flipgate"), why=f"the worker may not {asked}")


def test_a_reader_sees_the_status_and_writes_nothing(checked_shop: Shop, tmp_path: Path) -> None:
    shop = checked_shop
    apply(shop, printed(shop, tmp_path, "--apart"))
    shop.gone_live()
    with acting_as(shop, tmp_path, "flipgate-reader") as (_, counting):
        until_it_counts(shop, "flipgate-reader", held_by(rules_of(shop.application, shop.own), Account.READER))
        path = tmp_path / "flipgate-reader" / "wire.kubeconfig"
        for verb in ("status", "history"):
            told = CliRunner().invoke(cli, [verb, shop.name, "--kubeconfig", str(path), "-n", shop.own])
            assert told.exit_code == 0, told.output
            assert "live" in told.stdout or verb == "history"
    assert {denied.split()[0] for denied in counting.denied} <= {"get"}
    assert {denied.split()[2] for denied in counting.denied} <= {"pods/proxy"}
    assert {verb for _, verb, _, _ in counting.used} <= READING

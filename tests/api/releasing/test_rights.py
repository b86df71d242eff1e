"""Rights, on the real API server: a whole release runs with exactly what `flipgate check --rbac` prints, and each rule
that is taken away is named."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner

from flipgate.cli import cli
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Decision
from flipgate.core.rights.rule import READING, Account, Asked, Rule, held_by, questions
from flipgate.core.rights.rules import rules_of
from flipgate.core.values.base import but
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.rights import missing_rights
from flipgate.steps.releasing.setup import apply_application, check_application
from lab.control.records import Lab
from tests.api.accounts import acting_as, allowed, apply, printed, until_it_counts, whole_release, with_a_check
from tests.api.copies import with_copies
from tests.api.desk import question
from tests.api.played import prefect_played
from tests.api.shop import BLUE, Shop
from tests.api.steps import Install
from tests.api.users import RBAC, typed, user
from tests.core.source import ROOT
from tests.repeating import until

UNUSED = {
    ("configmaps", "delete"): "history beyond what is kept",
    ("deployments", "watch"): "pods that take longer to come up than one look",
    ("pods/log", "get"): "a release that fails",
    ("events", "list"): "a release that fails",
    ("middlewares", "get"): "routes that go through some",
    **{(f"{kind}s", "list"): "check alone" for kind in ("statefulset", "daemonset", "cronjob")},
    **{(f"{kind}s", "list"): "not served here" for kind in ("grpcroute", "tlsroute", "tcproute", "udproute")},
    ("ingressrouteudps", "list"): "not served here",
    ("serviceaccounts", "list"): "sides whose pods run as many accounts",
}
"""What this release has no need of, and who has."""


@pytest.fixture
def checked_shop(install: Install) -> Shop:
    return with_a_check(install())


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
@pytest.mark.parametrize("more", [lambda shop: shop, with_copies], ids=["plain", "with copies"])
def test_each_pipeline_runs_as_an_account_of_its_own(
    checked_shop: Shop, tmp_path: Path, more: Callable[[Shop], Shop]
) -> None:
    shop = more(checked_shop)
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


def test_people_who_decide_and_go_back_need_no_more_than_the_account_of_flips(install: Install, tmp_path: Path) -> None:
    shop = install()
    apply(shop, printed(shop, tmp_path, "--apart"))
    shop.gone_live()
    shop.play_ready(BLUE)
    with acting_as(shop, tmp_path, "flipgate-flip") as (world, counting):
        until_it_counts(shop, "flipgate-flip", held_by(rules_of(shop.application, shop.own), Account.FLIP))
        path = tmp_path / "flipgate-flip" / "wire.kubeconfig"
        for verb, state in (("approve", Decision.APPROVE), ("reject", Decision.REJECT)):
            world.store.update(lambda record: but(record, question=question(), approval=None))
            told = CliRunner().invoke(
                cli, [verb, shop.name, "--reason", "so it is", "--kubeconfig", str(path), "-n", shop.own]
            )
            given = world.store.read().approval
            assert given, told.output
            assert given.decision is state, told.output
        with shop.playing_ready():
            done = CliRunner().invoke(
                cli, ["rollback", shop.name, "--reason", "slow", "--kubeconfig", str(path), "-n", shop.own]
            )
        assert shop.where() == (BLUE,), done.output
        assert world.store.read().phase is Phase.ROLLED_BACK, done.output
    assert counting.denied == []


def test_a_reader_who_has_what_a_reader_needs_is_told_no_problem(install: Install, tmp_path: Path) -> None:
    shop = install()
    shop.adopted()
    apply(shop, printed(shop, tmp_path, "--apart"))
    reader = user(shop, tmp_path, "flipgate-reader")
    until_it_counts(shop, "flipgate-reader", held_by(rules_of(shop.application, shop.own), Account.READER))
    said: list[str] = []
    with shop.playing_ready():
        assert check_application(reader, shop.application, shop.own, said.append, Account.READER) == []
    assert "Traefik was not asked how users are answered: a reader asks no pod" in said


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

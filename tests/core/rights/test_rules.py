"""What flipgate must be allowed to do: by name wherever Kubernetes can, and no more than the application declares."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from flipgate.core.rights.admission import accounts, policies
from flipgate.core.rights.roles import roles
from flipgate.core.rights.rule import EACH_THAT_ACTS, READING, UNNAMED, Account, Rule, held_by, questions
from flipgate.core.rights.rules import Found, rules_of
from flipgate.core.spec.application import Application, load_application
from flipgate.core.spec.service import Service
from tests.core.builders import SHOP
from tests.core.source import ROOT

EXAMPLE = load_application((ROOT / "examples" / "sportsdata" / "flipgate.yaml").read_text(), "flipgate.yaml")
PLAIN = load_application(SHOP, "shop.yaml")
UNKNOWN_NAMES = {
    ("services", "get"): "what routes name, too",
    ("configmaps", "get"): "what pod templates name; each finished release",
    ("configmaps", "patch"): "each finished release",
    ("configmaps", "delete"): "the oldest finished releases",
    ("jobs", "get"): "each release's own",
    ("jobs", "patch"): "each release's own",
    ("pods/log", "get"): "pods come and go",
    ("pods/proxy", "get"): "pods come and go",
    ("middlewares", "get"): "what routes name",
    ("serviceaccounts", "get"): "what pod templates name",
}
"""Verbs that could be named, on objects whose names are not in the file."""


def may(application: Application, found: Found = Found()) -> set[tuple[str, str, str, tuple[str, ...]]]:  # noqa: B008
    """Namespace, verb, resource and names of what is needed."""
    needed = (rule for rule in rules_of(application, "flipgate", found) if rule.needed)
    return {(each.namespace, each.verb, each.resource, each.names) for each in questions(needed)}


def more(text: str, found: Found = Found()) -> set[tuple[str, str, str, tuple[str, ...]]]:  # noqa: B008
    """The same of what a file needs beyond the shop's."""
    return may(load_application(text, "shop.yaml"), found) - may(PLAIN)


def test_each_object_is_named_that_the_file_names() -> None:
    nameless = {
        (rule.resource, verb)
        for rule in rules_of(EXAMPLE, "flipgate")
        for verb in rule.verbs
        if not rule.names and verb not in UNNAMED
    }
    assert nameless == set(UNKNOWN_NAMES)


def test_names_are_those_of_workloads_routes_proxies_the_record_and_the_lease() -> None:
    found = {(resource, verb): names for where, verb, resource, names in may(EXAMPLE) if names and "green" not in where}
    assert found["deployments", "patch"] == tuple(sorted(s.name for s in EXAMPLE.spec.services if s.role != "cron"))
    assert found["cronjobs", "patch"] == found["cronjobs/status", "patch"] == ("standings-refresh",)
    assert "api-service:8080" in found["services/proxy", "get"]
    assert found["ingressroutes", "patch"] == ("api-live",)
    assert found["configmaps", "update"] == ("record-sportsdata", "reconcile-sportsdata")
    assert found["leases", "update"] == ("flipgate-sportsdata",)


@pytest.mark.parametrize("account", Account)
def test_what_an_account_does_not_do_it_may_not(account: Account) -> None:
    held = {(r.resource, verb) for r in held_by(rules_of(EXAMPLE, "flipgate"), account) for verb in r.verbs}
    assert (("jobs", "create") in held) is (account is Account.DEPLOY)
    assert (("services/proxy", "get") in held) is (account in (Account.DEPLOY, Account.FLIP))
    assert (("pods/proxy", "get") in held) is (account in EACH_THAT_ACTS)
    reconciled = Rule("flipgate", "", "configmaps", ("update",), ("reconcile-sportsdata",))
    noting = [r for r in held_by(rules_of(EXAMPLE, "flipgate"), account) if r.names == reconciled.names]
    assert bool(noting) is (account is Account.RECONCILE)
    if account is Account.READER:
        assert {verb for _, verb in held} <= READING
        assert not {resource for resource, _ in held} & {"secrets", "pods/log", "pods/proxy", "services/proxy"}
    elif account is Account.SLACK:
        assert held == {("configmaps", "get"), ("configmaps", "update")}
    else:
        assert ("deployments", "patch") in held, "whoever runs finishes what was interrupted"


def test_who_hears_slack_s_buttons_writes_the_record_by_name_and_nothing_else() -> None:
    held = held_by(rules_of(EXAMPLE, "flipgate"), Account.SLACK)
    assert {(rule.namespace, rule.resource, verb, *rule.names) for rule in held for verb in rule.verbs} == {
        ("flipgate", "configmaps", "get", "application-sportsdata"),
        ("flipgate", "configmaps", "get", "record-sportsdata"),
        ("flipgate", "configmaps", "update", "record-sportsdata"),
    }


def test_only_what_is_declared_is_asked_for() -> None:
    assert more(SHOP) == set()
    text = SHOP + "  gates: [{name: noise, logs: {pattern: x, max: 0}}]\n"
    assert {(verb, resource) for _, verb, resource, _ in more(text)} == {("get", "pods/log")}
    gone = Service.model_validate({"name": "letters", "role": "worker", "replicas": 1})
    (names,) = {
        names
        for _, verb, resource, names in more(SHOP, Found(gone=(gone,)))
        if (verb, resource) == ("patch", "deployments")
    }
    assert "letters" in names
    keda = more(SHOP, Found(keda=True))
    assert {(verb, resource) for _, verb, resource, _ in keda} == {
        ("list", "scaledobjects"),
        ("patch", "scaledobjects"),
    }
    warm = more(SHOP + "  policy: {restReplicas: 1}\n")
    assert {(verb, resource) for _, verb, resource, _ in warm} == {("patch", "horizontalpodautoscalers")}
    behind = more(SHOP, Found(behind=frozenset({("TraefikService", "inner"), ("Service", "web")})))
    assert {each[1:] for each in behind} == {("get", "traefikservices", ("inner",))}


@pytest.mark.parametrize("role", ["worker", "serving"])
def test_who_has_no_worker_may_do_without_the_right_on_what_keda_scales(role: str) -> None:
    """Nobody knows whether it scales what serves."""
    application = load_application(SHOP.replace("role: worker", f"role: {role}"), "shop.yaml")
    found = [r.needed for r in rules_of(application, "flipgate", Found(keda=True)) if r.resource == "scaledobjects"]
    assert set(found) == {role == "worker"}


def test_a_command_whose_service_no_check_asks_gets_no_names() -> None:
    text = SHOP + "  checks: [{name: suite, service: web, command: [suite]}]\n"
    assert {names for _, verb, resource, names in more(text) if resource == "services/proxy"} == {("web:80",)}


def test_the_same_thing_is_asked_once_and_for_all_where_one_rule_says_all() -> None:
    named = Rule("a", "", "configmaps", ("get", "patch"), ("x",))
    other = Rule("a", "", "configmaps", ("patch",), ("y", "x"))
    everything = Rule("a", "", "configmaps", ("get",))
    asked = {each.verb: each.names for each in questions([named, everything, other])}
    assert asked == {"get": (), "patch": ("x", "y")}


def test_a_sentence_names_what_may_not_be_done_and_its_command_asks_for_that() -> None:
    (asked,) = questions([Rule("a", "apps", "deployments", ("patch",), ("x", "y"))])
    assert asked.denied(("y",)) == (
        "no permission to patch deployments.apps y in namespace a (kubectl auth can-i patch deployments.apps/y -n a)"
    )
    (asked,) = questions([Rule("a", "", "services/proxy", ("get",), ("x:80",))])
    assert asked.denied(("x:80",)).endswith("(kubectl auth can-i get services/x:80 --subresource=proxy -n a)")


def given(text: str, account: str) -> set[tuple[str, str, str, str, str]]:
    """Namespace, API group, resource, verb and name of what the printed Roles give an account; no name: all."""
    objects: list[dict[str, Any]] = list(yaml.safe_load_all(text))
    bound = {
        (obj["metadata"]["namespace"], obj["roleRef"]["name"])
        for obj in objects
        if obj["kind"] == "RoleBinding" and obj["subjects"][0]["name"] == account
    }
    return {
        (obj["metadata"]["namespace"], group, resource, verb, name)
        for obj in objects
        if obj["kind"] == "Role" and (obj["metadata"]["namespace"], obj["metadata"]["name"]) in bound
        for rule in obj["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


@pytest.mark.parametrize("account", [None, *Account])
def test_what_is_printed_is_what_is_asked_for(account: Account | None) -> None:
    rules = rules_of(EXAMPLE, "flipgate")
    text = roles(EXAMPLE.name, "flipgate", rules, apart=account is not None)
    printed = given(text, f"flipgate-{account}" if account else "flipgate")
    allowed = {
        (q.namespace, q.group, q.resource, q.verb, name)
        for q in questions(held_by(rules, account))
        for name in q.names or ("",)
    }
    assert allowed <= printed
    every = {each[:4] for each in printed if not each[4]}
    assert {each for each in printed - allowed if each[:4] not in every} == set(), "a name that something has for all"


def test_each_account_is_printed_apart() -> None:
    text = roles("shop", "flipgate", rules_of(PLAIN, "flipgate"), apart=True)
    accounts = {obj["metadata"]["name"] for obj in yaml.safe_load_all(text) if obj["kind"] == "ServiceAccount"}
    assert accounts == {f"flipgate-{each}" for each in Account}


def test_the_policies_are_about_the_accounts_that_are_printed_and_each_route_is_bound() -> None:
    objects = list(yaml.safe_load_all(policies(EXAMPLE, "flipgate")))
    printed = {
        f"system:serviceaccount:flipgate:{obj['metadata']['name']}"
        for apart in (True, False)
        for obj in yaml.safe_load_all(roles("shop", "flipgate", rules_of(PLAIN, "flipgate"), apart=apart))
        if obj["kind"] == "ServiceAccount"
    }
    assert set(accounts("flipgate")) == printed
    bound = [obj["spec"]["paramRef"] for obj in objects if "paramRef" in obj["spec"]]
    assert [(each["namespace"], each["name"]) for each in bound] == [("monitoring", "api-live")]


def test_who_writes_records_is_of_all_applications_and_printed_for_one_only_where_it_denies() -> None:
    shared = "flipgate-records-flipgate"
    text = policies(EXAMPLE, "flipgate")
    assert shared not in {obj["metadata"]["name"] for obj in yaml.safe_load_all(text)}, "it may stand there, and deny"
    assert f"Not here: {shared}" in text
    text = policies(EXAMPLE, "flipgate", ["on-call"])
    of_all = [obj for obj in yaml.safe_load_all(text) if obj["metadata"]["name"] == shared]
    assert [obj["spec"].get("validationActions") for obj in of_all] == [None, ["Deny"]]
    assert "SHARED by all applications" in text


def test_the_maintenance_flag_is_read_and_written_by_its_name_and_the_secret_of_a_gate_is_read() -> None:
    flag = "  maintenance: {namespace: edge, configMap: flags, key: moving}\n"
    named = {("edge", verb, "configmaps", ("flags",)) for verb in ("get", "patch")}
    assert more(SHOP + flag) == named
    asked = "{url: 'https://x/y', authorization: {name: tickets, key: header}}"
    gate = f"  gates: [{{name: ticket, http: {asked}, at: flip}}]\n"
    assert more(SHOP + gate) == {("flipgate", "get", "secrets", ("tickets",))}


def test_no_secret_of_a_side_is_listed_and_each_that_is_read_or_written_is_named() -> None:
    """But for `create`, whose requests name nothing."""
    parity = "  parity: {equal: [{kind: Secret, name: key, sync: copy}, {kind: Secret}]}\n"
    found = Found(secrets=frozenset({("shop-green", "other")}))
    rules = [
        rule
        for rule in rules_of(load_application(f"{SHOP}{parity}", "shop.yaml"), "flipgate", found)
        if rule.resource == "secrets"
    ]
    assert {verb for rule in rules for verb in rule.verbs} == {"get", "patch", "create", "delete"}
    assert all(rule.names for rule in rules if rule.verbs != ("create",))
    assert {name for rule in rules if rule.namespace == "shop-green" for name in rule.names} == {"key", "other"}
    assert {name for rule in rules if rule.namespace == "shop-blue" for name in rule.names} == {"key"}
    assert not [rule for rule in rules if Account.READER in rule.by or Account.RECONCILE in rule.by]


def test_without_parity_in_the_file_no_release_needs_a_secret() -> None:
    found = Found(secrets=frozenset({("shop-green", "key")}), keepers=frozenset({"ExternalSecret"}))
    assert may(PLAIN, found) == may(PLAIN)

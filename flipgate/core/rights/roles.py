"""The rules of an application as Roles, RoleBindings and ServiceAccounts: YAML that is applied as it is printed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from flipgate.core.record.pipelines import DEPLOY_DARK, FLIP_TRAFFIC, RECONCILE, ROLL_BACK, SCALE_DOWN
from flipgate.core.rights.rule import VERBS, Account, Rule, held_by

ONE: Final = "flipgate"
"""The account of a worker that runs all pipelines."""
APART: Final[Mapping[Account, str]] = MappingProxyType({account: f"flipgate-{account}" for account in Account})
LONGEST_LINE: Final = 110
WHAT: Final[Mapping[Account, str]] = MappingProxyType(
    {
        Account.SETUP: "apply, adopt, init, restore",
        Account.DEPLOY: f"{DEPLOY_DARK}, {SCALE_DOWN}",
        Account.FLIP: f"{FLIP_TRAFFIC}, {ROLL_BACK}",
        Account.RECONCILE: RECONCILE,
        Account.SLACK: "flipgate slack",
        Account.READER: "status, history",
    }
)


def roles(application: str, own: str, rules: Iterable[Rule], *, apart: bool = False, command: str = "") -> str:
    """Returns the YAML: one account that runs all pipelines, or `apart` one for each who acts, and readers. `command`
    is what prints it."""
    rules = tuple(rules)
    accounts: dict[str, tuple[Rule, ...]] = {ONE: tuple(rule for rule in rules if rule.by != {Account.SLACK})}
    if apart:
        accounts = {name: held_by(rules, account) for account, name in APART.items()}
    documents = [_head(application, own, command)]
    documents += [_account(name, own) for name in accounts]
    for name, held in accounts.items():
        role = f"{name}-{application}"
        for namespace in dict.fromkeys(rule.namespace for rule in held):
            documents.append(_role(role, namespace, [rule for rule in held if rule.namespace == namespace]))
            documents.append(_binding(role, namespace, name, own))
    return "---\n".join(documents)


def _head(application: str, own: str, command: str) -> str:
    return (
        f"# What flipgate may do for {application}: namespaced Roles, by name wherever Kubernetes can, nothing else.\n"
        f"# Printed by: {command}. Print it anew when the file changes.\n"
        "# `list`, `watch` and `create` name no object. A rule that is not needed may go: what it shows is left out\n"
        "# then, and said.\n"
        f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {own}\n"
    )


def _account(name: str, own: str) -> str:
    what = next((f"# {WHAT[account]}\n" for account, apart in APART.items() if name == apart), "")
    return f"{what}apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  namespace: {own}\n"


def _role(name: str, namespace: str, rules: Iterable[Rule]) -> str:
    head = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n"
    return f"{head}metadata:\n  name: {name}\n  namespace: {namespace}\nrules:\n{''.join(_rules(rules))}"


def _rules(rules: Iterable[Rule]) -> Iterator[str]:
    """Yields one rule for what is said alike of an object, and of several kinds of object of an API group. What is not
    needed is left out where it is needed, too."""
    rules = tuple(rules)
    given = {(r.group, r.resource, verb) for r in rules if r.needed and not r.names for verb in r.verbs}
    verbs: dict[tuple[bool, str, str, str, tuple[str, ...]], set[str]] = {}
    for rule in rules:
        some = {verb for verb in rule.verbs if rule.needed or (rule.group, rule.resource, verb) not in given}
        if some:
            verbs.setdefault((rule.needed, rule.why, rule.group, rule.resource, rule.names), set()).update(some)
    resources: dict[tuple[bool, str, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (needed, why, group, resource, names), each in verbs.items():
        ordered = tuple(verb for verb in VERBS if verb in each)
        resources.setdefault((needed, why, group, names, ordered), []).append(resource)
    said = ""
    for (needed, why, group, names, ordered), some_of in resources.items():
        comment = "" if needed and not why else f"  # {why}{'' if needed else ' Not needed.'}\n"
        yield comment if comment != said else ""
        said = comment
        yield f"  - apiGroups: [{group or json.dumps(group)}]\n"
        yield _list("resources", some_of)
        yield _list("resourceNames", names) if names else ""
        yield _list("verbs", ordered)


def _list(key: str, values: Iterable[str]) -> str:
    items = [json.dumps(value) if ":" in value else value for value in values]
    line = f"    {key}: [{', '.join(items)}]\n"
    if len(line) <= LONGEST_LINE:
        return line
    return f"    {key}:\n" + "".join(f"      - {item}\n" for item in items)


def _binding(role: str, namespace: str, account: str, own: str) -> str:
    return (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
        f"metadata:\n  name: {role}\n  namespace: {namespace}\n"
        f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {role}}}\n"
        f"subjects: [{{kind: ServiceAccount, name: {account}, namespace: {own}}}]\n"
    )

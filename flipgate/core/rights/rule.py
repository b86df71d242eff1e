"""One thing that flipgate must be allowed to do, and how it is asked about and said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from flipgate.core.values.frozen import dataclass


class Account(StrEnum):
    """Who acts: a worker's runs by pipeline, or people. One account may be all of them."""

    SETUP = "setup"
    """apply, adopt, init, restore and what people type beside the pipelines."""
    DEPLOY = "deploy"
    """deploy-dark and scale-down."""
    FLIP = "flip"
    """flip-traffic and roll-back."""
    RECONCILE = "reconcile"
    SLACK = "slack"
    """`flipgate slack`: writes decisions, and nothing else."""
    READER = "reader"
    """status and history: writes nothing, and reaches no pod."""


EACH_THAT_ACTS: Final = frozenset(Account) - {Account.READER, Account.SLACK}
VERBS: Final[tuple[str, ...]] = ("get", "list", "watch", "create", "update", "patch", "delete")
"""In the order they are written in."""
READING: Final = frozenset({"get", "list", "watch"})
UNNAMED: Final = frozenset({"list", "watch", "create"})
"""Verbs whose requests name no object: `resourceNames` allows none of them, but for a list by `metadata.name`
(https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources)."""


@dataclass(frozen=True)
class Rule:
    """One rule of a Role."""

    namespace: str
    group: str
    resource: str
    """In the plural, with its part: `pods/log`."""
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()
    """The objects that it is about; empty: all of the namespace."""
    why: str = ""
    needed: bool = True
    """Whether releases need it: else what it shows is left out, and said."""
    by: frozenset[Account] = EACH_THAT_ACTS


@dataclass(frozen=True, order=True)
class Asked:
    """One question to the API server: may this be done, on all of the namespace or on those of these names?"""

    namespace: str
    verb: str
    group: str
    resource: str
    names: tuple[str, ...] = ()

    @property
    def question(self) -> tuple[str, str, str, str]:
        """Verb, API group, resource and namespace."""
        return self.verb, self.group, self.resource, self.namespace

    def denied(self, names: tuple[str, ...] = ()) -> str:
        """Says that it may not be done, on these of its names, with the command that shows it."""
        kind, _, part = self.resource.partition("/")
        kind += f".{self.group}" if self.group else ""
        one = f"{kind}/{names[0]}" if names else kind
        command = f"kubectl auth can-i {self.verb} {one}{f' --subresource={part}' if part else ''} -n {self.namespace}"
        what = " ".join([f"{kind}/{part}" if part else kind, ", ".join(names)]).strip()
        return f"no permission to {self.verb} {what} in namespace {self.namespace} ({command})"


def questions(rules: Iterable[Rule]) -> Iterator[Asked]:
    """Yields what these rules come to, each thing once: two rules may say the same, one for all and one by name."""
    found: dict[tuple[str, str, str, str], dict[str, None] | None] = {}
    for rule in rules:
        for verb in rule.verbs:
            key = (rule.namespace, verb, rule.group, rule.resource)
            known = found.setdefault(key, {})
            found[key] = None if known is None or not rule.names else known | dict.fromkeys(rule.names)
    for (namespace, verb, group, resource), names in found.items():
        yield Asked(namespace, verb, group, resource, tuple(names or ()))


def held_by(rules: Iterable[Rule], account: Account | None) -> tuple[Rule, ...]:
    """Returns the rules that an account needs; all that anybody needs for None."""
    return tuple(rule for rule in rules if account is None or account in rule.by)

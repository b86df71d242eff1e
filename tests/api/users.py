"""Other users of the API server than its admin: service accounts with the rights that a test gives them."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from flipgate.adapters.cluster import Cluster
from flipgate.core.values.errors import Conflict
from lab.control.records import Lab
from tests.api.shop import Shop
from tests.repeating import until

DENIED = re.compile(
    r"no permission to (?P<verb>\S+) (?P<resource>\S+)(?P<names> \S.*)? in namespace (?P<namespace>\S+) "
    r"\(kubectl auth.*\)"
)
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"


def user(shop: Shop, folder: Path, name: str = "robot") -> Cluster:
    """A service account of the shop's own namespace, by a kubeconfig with its token and nothing else."""
    accounts = f"/api/v1/namespaces/{shop.own}/serviceaccounts"
    with suppress(Conflict):  # the test has made it
        shop.cluster.create(accounts, {"metadata": {"name": name}})
    token = shop.cluster.create(f"{accounts}/{name}/token", {"spec": {"expirationSeconds": 3600}})["status"]["token"]
    config = yaml.safe_load(shop.kubeconfig.read_text())
    config["users"] = [{"name": each["name"], "user": {"token": token}} for each in config["users"]]
    path = folder / f"{name}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return Cluster.connect(path)


def grant(shop: Shop, sentences: Iterable[str], name: str = "robot") -> None:
    """Gives a user exactly what these sentences of `check_application` say is missing, and waits until that counts."""
    rules: dict[str, list[dict[str, Any]]] = defaultdict(list)
    wanted = []
    for sentence in sentences:
        denied = DENIED.fullmatch(sentence)
        assert denied, sentence
        plural, _, sub = denied["resource"].partition("/")
        kind, _, group = plural.partition(".")
        resource = f"{kind}/{sub}" if sub else kind
        names = (denied["names"] or "").replace(",", "").split()
        named = {"resourceNames": names} if names else {}
        given = {"apiGroups": [group], "resources": [resource], "verbs": [denied["verb"]], **named}
        rules[denied["namespace"]].append(given)
        where = {"namespace": denied["namespace"], "group": group, "resource": kind, "subresource": sub}
        where |= {"name": names[0]} if names else {}
        wanted.append({**where, "verb": denied["verb"]})
    for namespace, held in rules.items():
        meta = {"metadata": {"name": f"flipgate-{name}"}}
        shop.cluster.apply(
            f"{RBAC}/{namespace}/roles/flipgate-{name}",
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": held} | meta,
        )
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"flipgate-{name}"}
        subjects = [{"kind": "ServiceAccount", "name": name, "namespace": shop.own}]
        shop.cluster.apply(
            f"{RBAC}/{namespace}/rolebindings/flipgate-{name}",
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "roleRef": role, "subjects": subjects}
            | meta,
        )
    _wait_until_allowed(shop, f"system:serviceaccount:{shop.own}:{name}", wanted)


def _wait_until_allowed(shop: Shop, who: str, wanted: list[dict[str, str]]) -> None:
    """An API server learns of a new role a moment after it has stored it; of all that one says at once."""
    reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    for attributes in {each["namespace"]: each for each in wanted}.values():
        review = {"spec": {"user": who, "resourceAttributes": attributes}}
        until(
            lambda review=review: shop.cluster.create(reviews, review)["status"]["allowed"],
            why=f"{who} may not {attributes}",
        )


def typed(lab: Lab, line: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The line, as somebody would paste it."""
    own = {"PATH": f"{lab.kubectl.parent}:/usr/bin:/bin", "KUBECONFIG": str(lab.kubeconfig), "HOME": str(home)}
    return subprocess.run(["bash", "-c", line], env=own, capture_output=True, text=True, timeout=300)

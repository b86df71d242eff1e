"""What Git says that flipgate sets, too: one sentence a kind, however many services there are, with one patch."""

from __future__ import annotations

import json
from typing import Any

from flipgate.core.gates.database import Database
from flipgate.core.git.fights import fights
from flipgate.core.values.base import but
from flipgate.core.values.sides import Side
from tests.core.builders import shop

SHOP = shop("{name: nightly, role: cron}", "{name: store, role: serving, replicas: 3, kind: StatefulSet}")
GREEN = SHOP.place_of(Side.GREEN)


def said(kind: str, name: str, **spec: Any) -> dict[str, dict[str, Any]]:
    return {f"{kind} {GREEN.namespace}/{name}": {"kind": kind, "metadata": {"name": name}, "spec": spec}}


def test_counts_are_one_sentence_a_kind_with_one_patch_for_those_that_have_them() -> None:
    rendered = {
        **said("Deployment", "web", replicas=2),
        **said("Deployment", "mailer", replicas=0),
        **said("StatefulSet", "store"),
        **said("CronJob", "nightly", suspend=True),
    }
    counts, suspended = fights(SHOP, GREEN, rendered)
    removal = json.dumps([{"op": "remove", "path": "/spec/replicas"}])
    assert counts.startswith("Deployments of shop-green: Git says of web `replicas: 2`, mailer `replicas: 0`, which")
    assert f"`patches: [{{target: {{kind: Deployment, name: (web|mailer)}}, patch: '{removal}'}}]`" in counts
    assert suspended.startswith("CronJobs of shop-green: Git says of nightly `suspend: true`, which")
    assert "target: {kind: CronJob, name: nightly}" in suspended
    assert not [*fights(SHOP, GREEN, {**said("Deployment", "web"), **said("StatefulSet", "store")})]


def test_the_key_by_which_pods_know_their_database_is_not_gits() -> None:
    clone = {"live": "orders", "create": {"command": ["c"]}, "drop": {"command": ["d"]}, "configMap": "which"}
    told = {"name": "orders", "version": {"command": ["v"]}, "expand": {"command": ["e"]}, "clone": clone}
    copied = but(SHOP, spec=but(SHOP.spec, databases=(Database.model_validate(told),)))
    name = f"ConfigMap {GREEN.namespace}/which"
    (found,) = fights(copied, GREEN, {name: {"data": {"database": "orders", "pool": "20"}}})
    assert found.startswith(f"{name}: Git says `database`, by which flipgate tells pods their database")
    assert not [*fights(copied, GREEN, {name: {"data": {"pool": "20"}}})]

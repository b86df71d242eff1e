"""What works on one side of a shop at a time, beside its `mailer`: a CronJob, and a service that consumes where a
ConfigMap says so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flipgate.core.values.sides import Side
from tests.api.changed_shop import by_file
from tests.api.shop import BLUE, GREEN, Shop

SCHEDULE = {"schedule": "0 4 * * *", "concurrencyPolicy": "Forbid", "startingDeadlineSeconds": 600}
NIGHTLY = {"containers": [{"name": "nightly", "image": "shop/nightly:1"}], "restartPolicy": "Never"}
STATUS = "status: {port: 8080, path: /queue, json: consuming}"


def declared(shop: Shop, more: str) -> Shop:
    """The shop whose file goes on so."""
    return by_file(shop, shop.text + more)


# A CronJob


def cron_jobs(shop: Shop, side: Side) -> str:
    return f"/apis/batch/v1/namespaces/{shop.namespace(side)}/cronjobs"


def nightly_at(shop: Shop, side: Side) -> str:
    return f"{cron_jobs(shop, side)}/nightly"


def nightly(shop: Shop, side: Side) -> dict[str, Any]:
    return shop.cluster.get(nightly_at(shop, side))


def suspended(shop: Shop) -> tuple[bool, bool]:
    """Of blue, of green."""
    blue, green = (nightly(shop, side)["spec"]["suspend"] for side in (BLUE, GREEN))
    return blue, green


def suspend(shop: Shop, side: Side, value: bool) -> None:
    shop.patch(nightly_at(shop, side), ("replace", "/spec/suspend", value))


def mailers(shop: Shop) -> tuple[int, int]:
    return shop.counts(BLUE)["mailer"], shop.counts(GREEN)["mailer"]


def with_cron_job(shop: Shop, policy: str = "{}") -> Shop:
    """The shop with a CronJob on both sides, which runs on blue."""
    for side in Side:
        spec = {**SCHEDULE, "suspend": side is GREEN, "jobTemplate": {"spec": {"template": {"spec": NIGHTLY}}}}
        shop.cluster.create(cron_jobs(shop, side), {"metadata": {"name": "nightly"}, "spec": spec})
    return declared(shop, f"    - {{name: nightly, role: cron}}\n  policy: {policy}\n")


def add_job(shop: Shop, side: Side, name: str = "nightly-1") -> str:
    """A running Job of the side's CronJob; its path."""
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly"}
    owner["uid"] = nightly(shop, side)["metadata"]["uid"]
    jobs = f"/apis/batch/v1/namespaces/{shop.namespace(side)}/jobs"
    meta = {"name": name, "ownerReferences": [owner]}
    shop.cluster.create(jobs, {"metadata": meta, "spec": {"template": {"spec": NIGHTLY}}})
    return f"{jobs}/{name}"


def complete(shop: Shop, path: str) -> None:
    """What the Job controller writes when its pod has succeeded."""
    now = "2026-03-01T04:01:00Z"
    ended = [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in ("SuccessCriteriaMet", "Complete")]
    status = {"conditions": ended, "startTime": now, "completionTime": now, "succeeded": 1}
    shop.cluster.merge(f"{path}/status", {"status": status})


# A service that consumes


def config_map(shop: Shop, side: Side) -> str:
    return f"/api/v1/namespaces/{shop.namespace(side)}/configmaps/ledger-consume"


def told(shop: Shop) -> tuple[str | None, str | None]:
    """What blue's pods are told, and green's."""
    blue, green = ((shop.cluster.get(config_map(shop, side)).get("data") or {}).get("consume") for side in Side)
    return blue, green


def with_ledger(shop: Shop, status: str = STATUS) -> Shop:
    """The shop with a mixed service that consumes on blue, and one Ready pod of it on either side."""
    consume = f"consume: {{configMap: ledger-consume{f', {status}' if status else ''}}}"
    volume = {"name": "consume", "configMap": {"name": "ledger-consume"}}
    labels = {"app": "ledger"}
    pods: dict[str, Any] = {"containers": [{"name": "ledger", "image": "shop/ledger:1"}], "volumes": [volume]}
    pods |= {"terminationGracePeriodSeconds": 0}  # or who waits for them to stop waits 30 s longer

    def install(side: Side) -> None:
        data = {"OTHER": "kept"} | ({"consume": "true"} if side is BLUE else {})
        maps = config_map(shop, side).rpartition("/")[0]
        shop.cluster.create(maps, {"metadata": {"name": "ledger-consume"}, "data": data})
        spec = {"replicas": int(side is BLUE), "selector": {"matchLabels": labels}}
        template = {"metadata": {"labels": labels}, "spec": pods}
        shop.cluster.create(
            shop.deployments(side), {"metadata": {"name": "ledger"}, "spec": {**spec, "template": template}}
        )
        shop.play_ready(side, "ledger")
        path = f"/api/v1/namespaces/{shop.namespace(side)}/pods"
        shop.cluster.create(path, {"metadata": {"name": "ledger-0", "labels": labels}, "spec": pods})
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        shop.cluster.merge(f"{path}/ledger-0/status", {"status": ready})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(install, Side))
    return declared(shop, f"    - {{name: ledger, role: mixed, replicas: 1, {consume}}}\n")

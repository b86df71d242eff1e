"""Adds Prometheus and Alertmanager to a running lab: pods like any other, on the lab's own node.

So what holds for pods holds for them: run again when they die, gone with the lab, put to rest with `kubectl scale`.
Their configuration and what they have measured lie in the lab's folder.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template

import httpx

from lab.control import starting
from lab.control.records import Lab, Record
from lab.control.waiting import Wait
from lab.machine import paths
from lab.machine.errors import LabError
from lab.machine.progress import Progress
from lab.plane import apply, build
from lab.plane.components import ALERTMANAGER_TARGET, KUBELET_TARGET, PROMETHEUS_TARGET

PROGRAMS = ("prometheus", "alertmanager")
NAMESPACE = "metrics"
PATIENCE = 60.0  # seconds for each of the things waited for


def there(lab: Lab) -> bool:
    """Whether the lab has them."""
    return bool(lab.prometheus_url)


def add(lab: Lab, tell: Progress) -> Lab:
    """The lab with Prometheus scraping its Traefik and its pods, built if need be. Doing it again is fine.

    Raises:
        LabError: A build failed, or something did not come up; the lab goes on as it was.
    """
    record = Record.read(lab.dir)
    if record is None or not record.prometheus_url:
        raise LabError(
            f"Lab {lab.name} was started by an older flipgate and has no way in to a Prometheus. "
            f"Next: flipgate lab down --name {lab.name}, then flipgate lab up --name {lab.name} --metrics."
        )
    programs = build.ensure(PROGRAMS, tell)
    try:
        _bring_up(lab, record, programs, Wait(lab.dir, record.keeper, tell))
    except LabError as error:
        told = f"{lab.kubectl} --kubeconfig {lab.kubeconfig} -n {NAMESPACE} logs deployment/prometheus"
        raise LabError(f"{error}\nThe lab itself goes on, without metrics. What Prometheus says: {told}") from error
    record = dataclasses.replace(record, metrics=True)
    record.write(lab.dir)
    return record.lab(lab.dir)


def _bring_up(lab: Lab, record: Record, programs: Mapping[str, Path], wait: Wait) -> None:
    values = _furnish(lab, record, programs)
    with starting.api_client(lab.dir, lab.api_url) as client:
        apply.files(client, [paths.MANIFESTS / "metrics.yaml"], values)
    with httpx.Client(trust_env=False, timeout=2) as outside:
        for name, url in (("Alertmanager", record.alertmanager_url), ("Prometheus", record.prometheus_url)):
            ready = f"{url}/-/ready"
            wait.until(name, PATIENCE, lambda ready=ready: outside.get(ready).is_success)  # type: ignore[misc]
        wait.until("Prometheus to see Traefik", PATIENCE, lambda: _sees_traefik(outside, record.prometheus_url))
    wait.tell(f"lab {lab.name}: metrics after {wait.took():.1f} s")


def _furnish(lab: Lab, record: Record, programs: Mapping[str, Path]) -> dict[str, str]:
    """Lay out what the two read and where they write; what their manifest is filled in with."""
    starting.link(lab.dir, programs)
    folder = lab.dir / "metrics"
    folder.mkdir(exist_ok=True)
    for name in ("alerts.yml", "alertmanager.yml"):
        shutil.copyfile(paths.MANIFESTS / name, folder / name)
    inside = {
        "ALERTMANAGER": ALERTMANAGER_TARGET,
        "AUTHORITY": str(lab.dir / "pki" / "ca.crt"),
        "KUBECONFIG": str(lab.dir / "prometheus.kubeconfig"),
        "KUBELET": KUBELET_TARGET,
    }
    text = (paths.MANIFESTS / "prometheus.yml").read_text()
    (folder / "prometheus.yml").write_text(Template(text).substitute(inside))
    return {
        "FOLDER": str(folder),
        "PROMETHEUS_IP": PROMETHEUS_TARGET.partition(":")[0],
        "PROMETHEUS_URL": record.prometheus_url,
        "ALERTMANAGER_IP": ALERTMANAGER_TARGET.partition(":")[0],
        "ALERTMANAGER_URL": record.alertmanager_url,
    }


def _sees_traefik(client: httpx.Client, url: str) -> bool:
    """Which it finds as it finds every pod: by asking the API server, with rights of its own."""
    answer = client.get(f"{url}/api/v1/query", params={"query": 'up{job="traefik"} == 1'})
    return answer.is_success and bool(answer.json()["data"]["result"])

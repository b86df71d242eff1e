"""What is known of a lab: how the ways into it are handed out, and what is noted of it on disk."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from lab.machine.processes import Identity
from lab.plane.components import Tier

State = Literal["absent", "starting", "running", "dead"]

KUBECTL = "kubectl"


@dataclass(frozen=True)
class Lab:
    """A running lab and the ways into it.

    `traefik_url` and `traefik_tls_url` are empty in the api tier; `prometheus_url` and `alertmanager_url` are in a lab
    without metrics, `git_url` in one without Flux.
    """

    name: str
    dir: Path
    tier: Tier
    kubeconfig: Path
    api_url: str
    traefik_url: str
    pid: int
    traefik_tls_url: str = ""
    prometheus_url: str = ""
    alertmanager_url: str = ""
    git_url: str = ""

    @property
    def context(self) -> str:
        """The context's name in the kubeconfig."""
        return f"flipgate-lab-{self.name}"

    @property
    def kubectl(self) -> Path:
        """A kubectl of the API server's version."""
        return self.dir / "bin" / KUBECTL


@dataclass(frozen=True)
class LabStatus:
    """What is known of a lab of that name. `lab` is there only if it runs; `detail` says why it doesn't."""

    name: str
    state: State
    detail: str = ""
    lab: Lab | None = None
    components: tuple[str, ...] = ()
    restarts: dict[str, int] = field(default_factory=dict)
    throttle_ms: int = 0


@dataclass(frozen=True)
class Record:
    """lab.json: what the starter noted, for the one who looks or ends it later.

    The doors to Prometheus, Alertmanager and the Git server are there from the start; `metrics` and `flux` are whether
    anybody stands behind them.
    """

    tier: Tier
    keeper: Identity
    api_url: str
    traefik_url: str
    throttle_ms: int
    ready: bool = False
    traefik_tls_url: str = ""
    prometheus_url: str = ""
    alertmanager_url: str = ""
    metrics: bool = False
    git_url: str = ""
    flux: bool = False

    def lab(self, folder: Path) -> Lab:
        """What is handed out of the lab in this folder."""
        lab = Lab(
            folder.name,
            folder,
            self.tier,
            folder / "kubeconfig",
            self.api_url,
            self.traefik_url,
            self.keeper.pid,
            self.traefik_tls_url,
        )
        if self.metrics:
            lab = replace(lab, prometheus_url=self.prometheus_url, alertmanager_url=self.alertmanager_url)
        return replace(lab, git_url=self.git_url) if self.flux else lab

    def write(self, folder: Path) -> None:
        """Note it, whole or not at all."""
        path = folder / "lab.json"
        path.with_suffix(".new").write_text(json.dumps(asdict(self), indent=1) + "\n")
        os.replace(path.with_suffix(".new"), path)

    @classmethod
    def read(cls, folder: Path) -> Record | None:
        """What was noted; None if nothing was, or nothing that can be read."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            content = json.loads((folder / "lab.json").read_text())
            return cls(**content | {"keeper": Identity(**content["keeper"])})
        return None


def read_state(folder: Path) -> dict[str, Any]:
    """What the supervisor says of itself: phase, reason, components, restarts. Empty if it has said nothing yet."""
    with suppress(OSError, ValueError):
        content = json.loads((folder / "state.json").read_text())
        return content if isinstance(content, dict) else {}
    return {}

"""The command line at a desk of one shop, and what its record may hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from flipgate.cli import cli
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.phases import TRANSITIONS, Phase, QuestionKind, Reason
from flipgate.core.record.record import Question, Record
from flipgate.core.record.release import PhaseChange, Release
from flipgate.core.values.sides import Side
from tests.api.shop import Shop

DEPLOYING = (Phase.DEPLOYING,)
DARK = (*DEPLOYING, Phase.DARK)
LIVE = (*DARK, Phase.FLIPPING, Phase.BAKING, Phase.LIVE)


class Desk:
    """The command line, pointed at one shop; `file` is the application's file on this desk."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop, self.name = shop, shop.name
        self.store = shop.world().store
        self.where = ["--kubeconfig", str(shop.kubeconfig), "-n", shop.own]
        self.file = folder / "flipgate.yaml"
        self.file.write_text(shop.text)

    def run(self, *args: str) -> Result:
        return CliRunner().invoke(cli, [args[0], *self.where, *args[1:]], prog_name="flipgate")

    def data(self, *args: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.run(*args, "-o", "json").stdout)
        return answer

    def refused(self, *args: str) -> str:
        """The reason of a refusal with exit code 1."""
        result = self.run(*args, "-o", "json")
        assert result.exit_code == 1, result.output
        return str(json.loads(result.stderr)["error"]["reason"])

    def remember(self, **facts: Any) -> None:
        sides = {side: Occupant(images={"web": "shop/web:1"}, since=now()) for side in Side}
        self.store.create(Record(**{"application": self.name, "active": Side.BLUE, "sides": sides, **facts}))

    def forget(self, kind: str = "record") -> None:
        self.shop.cluster.delete(f"{self.shop.config_maps}/{kind}-{self.name}")


def now() -> datetime:
    return datetime.now(UTC)


def release(*phases: Phase, **facts: Any) -> Release:
    """A release that has just gone through these phases, for the first reason the table has."""
    reasons = [Reason.BUILD_ANNOUNCED, *(min(TRANSITIONS[a][b]) for a, b in pairwise(phases))]
    changes = tuple(PhaseChange(phase=p, reason=r, at=now()) for p, r in zip(phases, reasons, strict=True))
    usual: dict[str, Any] = {"id": "3f2a9c01d4e8", "application_hash": "ab", "side": Side.GREEN, "changes": changes}
    usual |= {"images": {"web": "shop/web:2"}, "wanted": {"web": 2}, "opened_by": "ci"}
    return Release(**{**usual, **facts})


def question(**facts: Any) -> Question:
    usual: dict[str, Any] = {"id": "flip-1", "kind": QuestionKind.FLIP, "release": "3f2a9c01d4e8-1", "basis": "b"}
    times = {"asked_at": now(), "expires_at": now() + timedelta(hours=1)}
    return Question(**{**usual, **times, "summary": "Send all users to green?", **facts})

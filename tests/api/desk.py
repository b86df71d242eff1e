"""The command line at a desk of one shop, and what its record may hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from flipgate.cli import cli
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Question, Record
from flipgate.core.record.release import Release
from flipgate.core.values.sides import Side
from tests.api.shop import Shop
from tests.core import builders

DEPLOYING = (Phase.DEPLOYING,)
DARK = (*DEPLOYING, Phase.DARK)
LIVE = (*DARK, Phase.FLIPPING, Phase.BAKING, Phase.LIVE)


class Desk:
    """The command line, pointed at one shop; `file` is the application's file, where it has a folder."""

    def __init__(self, shop: Shop, folder: Path | None = None) -> None:
        self.shop, self.name = shop, shop.name
        self.store = shop.world().store
        self.where = ["--kubeconfig", str(shop.kubeconfig), "-n", shop.own]
        if folder:
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
    """A release of this shop that has just gone through these phases."""
    usual: dict[str, Any] = {"images": {"web": "shop/web:2"}, "wanted": {"web": 2}}
    return builders.release(*phases, now=now(), **{**usual, **facts})


def question(**facts: Any) -> Question:
    usual: dict[str, Any] = {"id": "flip-1", "basis": "b", "summary": "Send all users to green?"}
    times = {"asked_at": now(), "expires_at": now() + timedelta(hours=1)}
    return builders.question(**{**usual, **times, **facts})

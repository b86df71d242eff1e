"""A live side that is short, in `flipgate status`: told before all else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from flipgate.cli._print import lasting
from flipgate.core.record.conditions import LIVE_SIDE_READY
from flipgate.core.way_back.live_side import lacks


def lead(data: dict[str, Any], now: datetime) -> list[str]:
    """The first line of an application's status, in red, where users are on a side that is short."""
    condition = find(data)
    if condition is None or condition["status"] != "False":
        return []
    side = data["activeByRoutes"]
    pods = [(each["ready"], each["wanted"]) for each in data["sides"][side]["services"] if each["role"] != "worker"]
    users = f"users are on {side}, which {lacks(condition['reason'], pods)}{lasting(condition['since'], now)}"
    text = f"{data['application']}: {users} ({condition['reason']}): {condition['message']}"
    if back := data["wayBack"]["offLiveSide"]:
        text += f"; or send users to the other side, which is up: {back}"
    return [click.style(text, fg="red", bold=True)]


def cell(data: dict[str, Any]) -> str:
    """The live side in one word."""
    condition = find(data)
    if condition is None:
        return "?" if data["problems"] else "-"
    return {"True": "ready", "Unknown": "?"}.get(condition["status"], str(condition["reason"]))


def find(data: dict[str, Any]) -> dict[str, Any] | None:
    """LiveSideReady as `-o json` prints it, where it was judged."""
    return next((each for each in data["conditions"] if each["type"] == LIVE_SIDE_READY), None)

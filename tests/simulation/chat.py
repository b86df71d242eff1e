"""Slack, as far as an outbox can tell: it hears a message, and its answer comes or does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flipgate.adapters.chat import Posted
from flipgate.core.values.errors import TemporaryError
from tests.simulation.network import LATENCY_SECONDS, Network
from tests.simulation.scheduler import Scheduler


@dataclass(eq=False)
class Chat:
    """One channel, and all that was ever told there."""

    scheduler: Scheduler
    network: Network
    told: list[str] = field(default_factory=list)
    asks_by_buttons = False

    def post(self, text: str, blocks: list[dict[str, Any]], *, thread: str = "") -> Posted:
        """Raises TemporaryError where Slack is away (nobody heard), or its answer is lost (all have heard)."""
        choices, weather = self.scheduler.choices, self.network.sky.weather
        self.scheduler.sleep(LATENCY_SECONDS)
        away = bool(weather.refused) and choices.once_in(weather.refused)
        if not away:
            self.told.append(text)
        self.scheduler.sleep(LATENCY_SECONDS)
        if away or (weather.lost_answer and choices.once_in(weather.lost_answer)):
            raise TemporaryError("could not be told: a time-out", obj="Slack")
        return Posted(thread or str(len(self.told)))

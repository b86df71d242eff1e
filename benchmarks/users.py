"""Everybody who asks while a few flips happen: short requests, 5 s long ones, and a WebSocket on either side."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from benchmarks.figures import Counted, Flip, Measured, MeasureError, measured
from benchmarks.stage import Stage
from flipgate.core.values.sides import Side
from flipgate.steps.looking.look import look_at_traffic
from lab.load import Load, LoadReport

SEEN_SECONDS = 60.0
LONG_CLIENTS = 4
"""Each has one request of 5 s under way all the time, so that four are open across each flip."""


def wait_for(load: Load, side: Side, since: float) -> None:
    """Until a user has had an answer of `side`. Raises MeasureError when none has within SEEN_SECONDS."""
    deadline = time.monotonic() + SEEN_SECONDS
    while load.snapshot().first_answer_after(str(side), since) is None:
        if time.monotonic() > deadline:
            raise MeasureError(f"no user saw an answer of {side} within {SEEN_SECONDS:g} s")
        time.sleep(0.05)


class Users:
    """The users of one block of flips, from entering to `measured`. Their WebSockets are opened before the flips: one
    where the route points, and, by patching the route there and back, one on the other side."""

    def __init__(self, stage: Stage, rate: float, clients: int) -> None:
        url, host = stage.lab.traefik_tls_url, stage.place.host
        self._stage = stage
        self._here = Load(url, host, clients=clients, rate=rate, long=LONG_CLIENTS, websockets=1)
        self._there = Load(url, host, clients=0, rate=None, websockets=1)

    def __enter__(self) -> Self:
        try:
            with_here = self._here.start()
            side = self._active()
            wait_for(with_here, side, time.time())
            _talking(with_here)
            self._send_to(side.other)
            _talking(self._there.start())
            self._send_to(side)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for load in (self._here, self._there):
            load.__exit__(kind, error, trace)

    def wait_for(self, side: Side, since: float) -> None:
        """Until a user has had an answer of `side`. Raises MeasureError."""
        wait_for(self._here, side, since)

    def quiet(self, seconds: float) -> None:
        """Time for the old side's last answers, and for what a throttled Traefik has still to take."""
        time.sleep(seconds + 2 * self._stage.throttle_ms / 1000)

    def stop(self) -> tuple[LoadReport, Counted]:
        """Ends them all. Raises LoadError when some had ended by themselves."""
        reports = [self._here.stop(), self._there.stop()]
        return reports[0], Counted.of(reports)

    def measured(self, flips: list[Flip]) -> tuple[list[Measured], Counted]:
        """Ends them all, and the figures of these flips. Raises MeasureError for one that nobody saw."""
        report, counted = self.stop()
        return measured(flips, report), counted

    def _active(self) -> Side:
        active = look_at_traffic(self._stage.world()).active
        if active is None:
            raise MeasureError("the route names no one side")
        return active

    def _send_to(self, side: Side) -> None:
        world, since = self._stage.world(), time.time()
        self._stage.writer(world).patch(self._stage.route_path(world), self._stage.bare_patch(world, side))
        self.wait_for(side, since)
        self.quiet(0.2)


def _talking(load: Load) -> None:
    """Until the WebSocket has had an answer. Raises MeasureError."""
    deadline = time.monotonic() + SEEN_SECONDS
    while not load.snapshot().by_channel.get("websocket"):
        if time.monotonic() > deadline:
            raise MeasureError(f"no WebSocket was answered within {SEEN_SECONDS:g} s")
        time.sleep(0.05)

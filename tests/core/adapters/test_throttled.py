"""An API server that has too much to do says when to come again, and is asked again then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flipgate.adapters import connection
from flipgate.adapters.connection import Connection
from flipgate.adapters.reading import Whole
from flipgate.core.values.errors import TemporaryError


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Scripted(Connection):
    """Answers in turn; the last one to whoever comes later."""

    def __init__(self, *answers: Whole) -> None:
        self.answers, self.asked = list(answers), 0

    def send(self, method: str, path: str, query: Mapping[str, str] | None = None, **_: Any) -> Whole:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def throttled(after: str | None) -> Whole:
    return Whole(429, {"Retry-After": after} if after is not None else {}, b'{"message": "too many requests"}')


DONE = Whole(200, {}, b'{"kind": "Lease"}')


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(connection, "time", clock)
    return clock


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_who_is_told_when_to_come_again_does(clock: Clock, method: str) -> None:
    line = Scripted(throttled("1"), throttled("2"), DONE)
    assert line.json(method, "/x", timeout=10) == {"kind": "Lease"}
    assert (line.asked, clock.now) == (3, 3.0)


def test_it_is_not_waited_for_beyond_the_time_there_is(clock: Clock) -> None:
    line = Scripted(throttled("4"))
    with pytest.raises(TemporaryError, match="429: too many requests"):
        line.json("PATCH", "/x", timeout=10)
    assert (line.asked, clock.now) == (3, 8.0)


@pytest.mark.parametrize("after", [None, "", "0", "-1", "nan", "Fri, 31 Dec 1999 23:59:59 GMT", "9" * 400])
def test_without_a_time_to_come_again_it_is_an_error_at_once_or_soon(clock: Clock, after: str | None) -> None:
    line = Scripted(throttled(after))
    with pytest.raises(TemporaryError, match="429"):
        line.json("GET", "/x", timeout=10)
    assert line.asked <= 11
    assert clock.now <= 10


def test_an_api_server_that_is_away_is_not_asked_again(clock: Clock) -> None:
    line = Scripted(Whole(503, {"Retry-After": "1"}, b""))
    with pytest.raises(TemporaryError, match="503"):
        line.json("GET", "/x", timeout=10)
    assert line.asked == 1

"""Windows: when a move may begin, by weekday and time in a time zone.

A window is a pure value: it contains an instant or not, knows when it opens next, and prints itself. Its times are what
a clock on the wall shows. Where that clock jumps over one of them (spring), it comes with the jump; where it shows one
of them twice (autumn), the first time counts, for the beginning and for the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from flipgate.core.spec.fields import FileModel

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_WINDOWS: Final = 20
A_DAY: Final = timedelta(days=1)
DAYS_AHEAD: Final = 400
"""In which each window opens: none is on a weekday that a clock jumps over for a year."""
ZONE: Final = r"^(UTC|[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+)+)$"
"""`localtime`, `posix/...` and `right/...` are other things on other machines."""


def _in_quotes(value: Any) -> Any:
    """YAML takes a plain 16:00 for the number 960."""
    if isinstance(value, int):
        raise ValueError('is a number, as YAML reads it: write the time in quotes, as "16:00"')
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone: write UTC or a name as Europe/Berlin") from None
    return value


Opens = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$"), BeforeValidator(_in_quotes)]
Closes = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"), BeforeValidator(_in_quotes)]
Zone = Annotated[str, Field(pattern=ZONE, max_length=64), AfterValidator(_zone)]


class Window(FileModel):
    """A time of the week in which a move may begin. What has begun goes on after its end."""

    days: tuple[Day, ...] = Field(
        default=DAYS, min_length=1, max_length=7, description="The weekdays on which it opens; each day when left out."
    )
    opens: Opens = Field(alias="from", description='When it opens, in quotes, as "09:00".')
    closes: Closes = Field(
        alias="to", description='When it closes, as "16:00" or "24:00"; before `from`: on the day after.'
    )
    time_zone: Zone = Field(description="Whose clock that is, as Europe/Berlin or UTC.")

    @model_validator(mode="after")
    def _lasts(self) -> Window:
        if self.opens == self.closes:
            raise ValueError('`from` and `to` are the same: a whole day is from "00:00" to "24:00"')
        if len({*self.days}) < len(self.days):
            raise ValueError("`days` names a day twice")
        return self

    def __str__(self) -> str:
        days = ", ".join(day for day in DAYS if day in self.days)
        return f"{'each day' if len(self.days) == len(DAYS) else days} {self.opens} to {self.closes} {self.time_zone}"

    def contains(self, instant: datetime) -> bool:
        """Whether it is open then."""
        today = self._day_of(instant)
        return any(start <= instant < end for start, end in self._spans(today - A_DAY, 2))

    def next_open(self, instant: datetime) -> datetime:
        """Returns when it opens the next time after this instant, in UTC; asked while it is closed."""
        spans = self._spans(self._day_of(instant), DAYS_AHEAD)
        return next(start for start, _ in spans if start > instant)

    def _day_of(self, instant: datetime) -> date:
        return instant.astimezone(ZoneInfo(self.time_zone)).date()

    def _spans(self, first: date, days: int) -> Iterator[tuple[datetime, datetime]]:
        """Yields from when to when it is open, of those that begin on these days. None whose two ends are in one jump
        of the clock."""
        zone = ZoneInfo(self.time_zone)
        for day in (first + number * A_DAY for number in range(days)):
            if DAYS[day.weekday()] not in self.days:
                continue
            start = first_shown(_wall(day, self.opens), zone)
            end = first_shown(_wall(day + A_DAY if self.closes < self.opens else day, self.closes), zone)
            if start < end:
                yield start, end


def _wall(day: date, text: str) -> datetime:
    hours, minutes = map(int, re.findall(r"\d\d", text))
    return datetime.combine(day, datetime.min.time()) + timedelta(hours=hours, minutes=minutes)


def first_shown(wall: datetime, zone: ZoneInfo) -> datetime:
    """Returns the first instant, in UTC, at which a clock in this zone shows this time or a later one."""
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    # The clock jumps over it: by the time before the jump it would come after that, by the time after, before it.
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), found
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def is_open(windows: Iterable[Window], instant: datetime) -> bool:
    """Whether a move may begin then: always where there are no windows."""
    windows = tuple(windows)
    return not windows or any(window.contains(instant) for window in windows)


def opens_next(windows: Iterable[Window], instant: datetime) -> datetime | None:
    """Returns when the first of them opens after this instant; None without windows."""
    return min((window.next_open(instant) for window in windows), default=None)

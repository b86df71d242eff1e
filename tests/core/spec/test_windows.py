"""When a move may begin: weekdays and times in a time zone, right across midnight and across clocks that jump."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipgate.core.spec.application import application_hash
from flipgate.core.spec.windows import DAYS, Window, is_open, opens_next
from flipgate.core.values.errors import BadInput
from tests.core.builders import shop

BERLIN = "Europe/Berlin"
OFFICE: dict[str, Any] = {"days": ["mon", "tue", "wed", "thu"], "from": "09:00", "to": "16:00"}


def window(zone: str = BERLIN, **said: Any) -> Window:
    return Window.model_validate_json(json.dumps({"timeZone": zone, **(said or OFFICE)}))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_window_contains_its_first_instant_and_not_its_last() -> None:
    office = window()  # 2026-11-30 is a Monday; Berlin is one hour ahead in winter
    inside = ["2026-11-30T08:00", "2026-11-30T14:59:59", "2026-12-03T12:00"]
    outside = ["2026-11-30T07:59:59", "2026-11-30T15:00", "2026-12-04T12:00", "2026-12-05T12:00"]
    assert [office.contains(utc(text)) for text in inside] == [True] * 3
    assert [office.contains(utc(text)) for text in outside] == [False] * 4


def test_it_says_when_it_opens_next_over_a_weekend() -> None:
    assert window().next_open(utc("2026-12-03T15:00")) == utc("2026-12-07T08:00")
    assert window().next_open(utc("2026-11-30T07:59:59")) == utc("2026-11-30T08:00")


@pytest.mark.parametrize(
    ("text", "open_then"),
    [
        ("2026-12-04T20:59", False),
        ("2026-12-04T21:00", True),
        ("2026-12-05T02:59", True),  # Saturday, of the window that began on Friday
        ("2026-12-05T03:00", False),
        ("2026-12-05T21:30", False),
        ("2026-12-04T02:00", False),  # Friday before dawn, of no Thursday
    ],
)
def test_one_that_ends_before_it_begins_goes_past_midnight(text: str, open_then: bool) -> None:
    night = window(days=["fri"], **{"from": "22:00", "to": "04:00"})
    assert night.contains(utc(text)) is open_then


def test_it_follows_summer_time_by_the_clock_on_the_wall() -> None:
    each_day = window(**{"from": "09:00", "to": "16:00"})
    assert each_day.next_open(utc("2026-03-28T12:00")) == utc("2026-03-29T07:00"), "summer time began at 01:00 UTC"
    assert each_day.next_open(utc("2026-10-24T15:00")) == utc("2026-10-25T08:00"), "and ended at 01:00 UTC"


def test_a_time_that_the_clock_jumps_over_comes_with_the_jump() -> None:
    """In Berlin 2026-03-29 has no time from 02:00 to 03:00: 01:00 UTC is 03:00."""
    opens_in_it = window(**{"from": "02:30", "to": "05:00"})
    assert opens_in_it.next_open(utc("2026-03-28T12:00")) == utc("2026-03-29T01:00")
    closes_in_it = window(**{"from": "01:00", "to": "02:30"})
    assert closes_in_it.contains(utc("2026-03-29T00:59:59"))
    assert not closes_in_it.contains(utc("2026-03-29T01:00"))
    within = window(**{"from": "02:10", "to": "02:50"})
    assert not within.contains(utc("2026-03-29T01:00"))
    assert within.next_open(utc("2026-03-28T12:00")) == utc("2026-03-30T00:10")


def test_of_a_time_that_the_clock_shows_twice_the_first_counts() -> None:
    """In Berlin 2026-10-25 has 02:00 to 03:00 twice: from 00:00 UTC, and from 01:00 UTC."""
    opens_in_it = window(**{"from": "02:30", "to": "03:30"})
    assert opens_in_it.next_open(utc("2026-10-24T12:00")) == utc("2026-10-25T00:30")
    assert opens_in_it.contains(utc("2026-10-25T01:15")), "02:15, the second time: it has been open since the first"
    closes_in_it = window(**{"from": "01:00", "to": "02:30"})
    assert not closes_in_it.contains(utc("2026-10-25T00:30"))
    assert not closes_in_it.contains(utc("2026-10-25T01:15")), "02:15 again: it has closed"


def test_a_zone_whose_clock_jumps_at_midnight_and_one_whose_clock_never_does() -> None:
    havana = window("America/Havana", **{"from": "00:00", "to": "24:00"}, days=["sun"])
    # 2026-03-08 00:00 is 01:00 there.
    assert havana.next_open(utc("2026-03-07T12:00")) == utc("2026-03-08T05:00")
    tokyo = window("Asia/Tokyo", **{"from": "00:30", "to": "06:00"})
    assert {tokyo.next_open(utc(f"2026-{month:02}-10T12:00")).hour for month in range(1, 13)} == {15}


def test_a_whole_day_ends_where_the_next_begins() -> None:
    whole = window("UTC", days=["sat", "sun"], **{"from": "00:00", "to": "24:00"})
    assert whole.contains(utc("2026-12-05T00:00"))
    assert whole.contains(utc("2026-12-06T23:59:59"))
    assert not whole.contains(utc("2026-12-07T00:00"))


def test_without_windows_it_is_always_open_and_of_several_the_first_opens_next() -> None:
    assert is_open((), utc("2026-12-05T03:00"))
    assert opens_next((), utc("2026-12-05T03:00")) is None
    two = (window(), window("UTC", days=["sun"], **{"from": "03:00", "to": "05:00"}))
    assert is_open(two, utc("2026-12-06T04:00"))
    assert not is_open(two, utc("2026-12-06T05:00"))
    assert opens_next(two, utc("2026-12-05T03:00")) == utc("2026-12-06T03:00")


def test_it_prints_itself() -> None:
    assert str(window()) == "mon, tue, wed, thu 09:00 to 16:00 Europe/Berlin"
    assert str(window("UTC", **{"from": "22:00", "to": "04:00"})) == "each day 22:00 to 04:00 UTC"


TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
ZONES = st.sampled_from([BERLIN, "America/Havana", "Australia/Lord_Howe", "Asia/Tokyo", "Pacific/Apia", "UTC"])
INSTANTS = st.integers(0, 26 * 365 * 86_400).map(lambda seconds: utc("2011-01-01") + timedelta(seconds=seconds))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    opens, closes = draw(TIMES), draw(TIMES | st.just("24:00"))
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, unique=True))
    return window(draw(ZONES), days=days, **{"from": opens, "to": closes if closes != opens else "24:00"})


@given(windows(), INSTANTS)
def test_it_opens_when_it_says_and_not_before(each: Window, now: datetime) -> None:
    opens = each.next_open(now)
    assert opens > now
    assert each.contains(opens)
    if not each.contains(now):
        assert not each.contains(opens - timedelta(seconds=1)), "what it said is its first instant"
        for part in range(1, 20):
            between = now + (opens - now) * part / 20
            assert not each.contains(between), f"open at {between}, and says {opens}"


@given(windows(), INSTANTS)
def test_inside_the_clock_on_the_wall_shows_a_time_of_it_where_no_clock_jumps(each: Window, now: datetime) -> None:
    zone = ZoneInfo(each.time_zone)
    around = {(now + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in range(-30, 31)}
    wall = now.astimezone(zone)
    shown, today = wall.strftime("%H:%M"), DAYS[wall.weekday()]
    before = DAYS[wall.weekday() - 1]
    if each.opens < each.closes:
        wanted = today in each.days and each.opens <= shown < each.closes
    else:
        wanted = (today in each.days and shown >= each.opens) or (before in each.days and shown < each.closes)
    assert len(around) > 1 or each.contains(now) is wanted


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('{from: 16:00, to: "17:00", timeZone: UTC}', 'write the time in quotes, as "16:00"'),
        ('{from: "9:00", to: "16:00", timeZone: UTC}', "spec.policy.windows[0].from"),
        ('{from: "24:00", to: "16:00", timeZone: UTC}', "spec.policy.windows[0].from"),
        ('{from: "09:00", to: "24:01", timeZone: UTC}', "spec.policy.windows[0].to"),
        ('{from: "09:00", to: "09:00", timeZone: UTC}', "a whole day is from"),
        ('{from: "09:00", to: "16:00", timeZone: Europe/Berlim}', "is no time zone"),
        ('{from: "09:00", to: "16:00", timeZone: Europe}', "spec.policy.windows[0].timeZone"),
        ('{from: "09:00", to: "16:00", timeZone: localtime}', "spec.policy.windows[0].timeZone"),
        ('{from: "09:00", to: "16:00"}', "timeZone"),
        ('{days: [mon, mon], from: "09:00", to: "16:00", timeZone: UTC}', "names a day twice"),
        ('{days: [], from: "09:00", to: "16:00", timeZone: UTC}', "spec.policy.windows[0].days"),
        ('{days: [monday], from: "09:00", to: "16:00", timeZone: UTC}', "spec.policy.windows[0].days"),
    ],
)
def test_what_is_no_window_is_refused_and_where(entry: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        shop(policy=f"{{windows: [{entry}]}}")
    assert said in str(refused.value)


def test_a_file_without_windows_means_what_it_meant_before_there_were_any() -> None:
    """Its hash is pinned by releases that are under way."""
    plain = shop()
    assert "windows" not in plain.model_dump(mode="json", by_alias=True)["spec"]["policy"]
    said = '{windows: [{from: "09:00", to: "16:00", timeZone: UTC}]}'
    assert application_hash(shop(policy=said)) != application_hash(plain)

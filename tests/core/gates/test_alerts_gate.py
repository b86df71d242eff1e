"""Alerts that fire, fired and ended, or are silenced; and whether somebody would have told of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipgate.core.gates import fired
from flipgate.core.gates.alertmanager import NOT_KNOWN, Alert, read_alerts, read_silence
from flipgate.core.gates.prometheus import Series, read_series
from flipgate.core.gates.sample import GateSample
from flipgate.core.values.verdicts import Verdict
from tests.core.builders import NOW, at
from tests.core.gates.played_reader import PlayedReader, gate_of, looked

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
FLIP = PlayedReader().flip
LABELS = {"namespace": "{namespace}"}
NOW_ONLY = gate_of(alerts=LABELS)
WATCHED = gate_of(alerts=LABELS, watchdog={"alertname": "Watchdog"})
SINCE = gate_of(alerts=LABELS, fired=True)
BOTH = gate_of(alerts=LABELS, fired=True, watchdog={"alertname": "Watchdog"})
WATCHDOG = Alert("Watchdog", {"alertname": "Watchdog"}, at(-9999))


def alert(name: str, seconds: float, silenced: str = "") -> Alert:
    """One that began so long after the flip."""
    return Alert(name, {"alertname": name, "pod": "a"}, FLIP + timedelta(seconds=seconds), silenced=silenced)


def series(name: str, *steps: int, **labels: str) -> Series:
    """What fires at these steps of 5 s after the flip."""
    named = {"__name__": "ALERTS", "alertstate": "firing", "alertname": name, "pod": "a", **labels}
    return Series(named, tuple(FLIP.timestamp() + 5 * step for step in steps))


def judged(gate: Any, sample: GateSample) -> Verdict:
    verdict: Verdict = gate.kind.verdict(gate, sample)
    return verdict


def alertmanager(*found: Alert, watchdog: bool = True) -> Any:
    def firing(labels: Mapping[str, str]) -> tuple[Alert, ...]:
        if labels == {"alertname": "Watchdog"}:
            return (WATCHDOG,) if watchdog else ()
        assert labels == {"namespace": "shop-green"}
        return found

    return firing


def prometheus(*found: Series, scraped: range = range(13)) -> Any:
    def matrix(promql: str) -> tuple[Series, ...]:
        if promql == fired.SCRAPES or "Watchdog" in promql:
            return (series("", *scraped),)
        assert promql.startswith('max_over_time(ALERTS{alertstate="firing", namespace="shop-green"}[5s]) or ALERTS{')
        return found

    return matrix


@pytest.mark.parametrize(
    ("found", "verdict", "said"),
    [
        ([], PASS, ""),
        ([alert("New", 1)], FAIL, "New"),
        ([alert("Old", -1)], PASS, "before the flip: Old"),
        ([alert("Hush", 1, "by ana until noon")], PASS, "silenced: Hush by ana until noon"),
        ([alert("New", 1), alert("Hush", 1, NOT_KNOWN)], FAIL, "New, silenced: Hush by whom is not known"),
    ],
)
def test_silenced_ones_are_shown_by_name_and_not_counted(found: list[Alert], verdict: Verdict, said: str) -> None:
    sample = looked(NOW_ONLY, PlayedReader(firing=alertmanager(*found)))
    assert (judged(NOW_ONLY, sample), sample.beside) == (verdict, said)


@pytest.mark.parametrize(
    ("gate", "found", "watchdog", "verdict"),
    [
        (WATCHED, [], True, PASS),
        (WATCHED, [], False, UNKNOWN),
        (WATCHED, [alert("New", 1)], False, FAIL),  # what it does say counts
        (BOTH, [], False, UNKNOWN),
        (BOTH, [], True, PASS),
    ],
)
def test_without_the_watchdog_no_alert_is_no_good_news(
    gate: Any, found: list[Alert], watchdog: bool, verdict: Verdict
) -> None:
    reader = PlayedReader(firing=alertmanager(*found, watchdog=watchdog), matrix=prometheus())
    sample = looked(gate, reader)
    assert judged(gate, sample) is verdict
    if not watchdog:
        assert sample.value == (len(found) or None), "that none fires is no number"
        assert sample.why == "the watchdog alertname=Watchdog does not fire"


def test_an_alertmanager_that_is_away_is_unknown() -> None:
    sample = looked(SINCE, PlayedReader(firing=lambda _: "Alertmanager cannot be reached", matrix=prometheus()))
    assert (judged(SINCE, sample), sample.why) == (UNKNOWN, "Alertmanager cannot be reached")


@pytest.mark.parametrize(
    ("found", "now", "verdict", "said"),
    [
        ([], [], PASS, ""),
        ([series("Gone", 3)], [], FAIL, "Gone, which has ended"),
        ([series("Old", 0, 1, 2)], [], PASS, ""),  # it fired at the flip, and no more
        ([series("Again", 0, 1, 5)], [], FAIL, "Again, which has ended"),
        (
            [series("Two", 0, 1), Series({**series("Two").labels, "__name__": ""}, series("Two", 2, 3).times)],
            [],
            PASS,
            "",
        ),
        ([series("New", 9, 10, 11, 12)], [alert("New", 45)], FAIL, "New"),  # once
        ([series("Hush", 9, 12)], [alert("Hush", 45, "by ana")], PASS, "silenced: Hush by ana"),
        (
            [series("Hush", 9, pod="b")],
            [alert("Hush", 45, "by ana")],
            FAIL,
            "Hush, which has ended, silenced: Hush by ana",
        ),
    ],
)
def test_what_fired_since_the_flip_and_has_ended_counts(
    found: list[Series], now: list[Alert], verdict: Verdict, said: str
) -> None:
    sample = looked(SINCE, PlayedReader(firing=alertmanager(*now), matrix=prometheus(*found)))
    assert (judged(SINCE, sample), sample.beside) == (verdict, said)


@pytest.mark.parametrize(
    ("gate", "matrix", "why"),
    [
        (
            SINCE,
            prometheus(scraped=range(6)),
            "Prometheus has nothing of 2026-03-01 11:59:30 to 12:00:00 UTC: what fired",
        ),
        (
            BOTH,
            prometheus(scraped=range(3, 13)),
            "Prometheus has no watchdog alertname=Watchdog of 2026-03-01 11:59:00 to",
        ),
        (SINCE, lambda _: "Prometheus cannot be reached", "Prometheus cannot be reached"),
    ],
)
def test_of_a_time_that_prometheus_has_not_seen_nothing_is_known(gate: Any, matrix: Any, why: str) -> None:
    sample = looked(gate, PlayedReader(firing=alertmanager(), matrix=matrix))
    assert judged(gate, sample) is UNKNOWN
    assert sample.why.startswith(why)


def test_what_did_fire_fails_though_not_all_of_the_time_is_known() -> None:
    reader = PlayedReader(firing=alertmanager(), matrix=prometheus(series("Gone", 3), scraped=range(6)))
    assert judged(SINCE, looked(SINCE, reader)) is FAIL


@given(st.sets(st.integers(0, 40)), st.integers(1, 40))
def test_an_alert_began_anew_just_where_a_step_has_it_and_the_one_before_has_not(at_steps: set[int], flip: int) -> None:
    over = fired.Steps(FLIP, FLIP + timedelta(seconds=200), 5)
    expected = any(step in at_steps and step - 1 not in at_steps for step in range(1, 41))
    assert bool(fired.began([series("A", *sorted(at_steps))], over)) is expected


@given(st.integers(1, 3_000_000))
def test_a_time_of_any_length_has_few_steps_and_its_last_one_is_not_before_its_end(seconds: int) -> None:
    over = fired.steps(NOW, NOW + timedelta(seconds=seconds))
    assert over.count <= fired.STEPS
    assert over.end <= over.last < over.end + timedelta(seconds=over.step)
    whole = Series({}, tuple(NOW.timestamp() + index * over.step for index in range(over.count + 1)))
    assert fired.unseen([whole], over) == ""
    assert fired.unseen([], over)


def test_alerts_and_silences_are_read_from_alertmanagers_answers() -> None:
    given_one = {"labels": {"alertname": "A"}, "startsAt": at(1).isoformat(), "status": {"silencedBy": ["s-1"]}}
    assert read_alerts([given_one]) == (Alert("A", {"alertname": "A"}, at(1), ("s-1",), NOT_KNOWN),)
    for garbage in ({"a": 1}, [{"labels": {}}], None, [1]):
        with pytest.raises(ValueError, match="not an Alertmanager answer"):
            read_alerts(garbage)
    silence = {"createdBy": "ana\x1b[31m", "endsAt": "2026-03-01T13:30:00.000Z"}
    assert read_silence(silence) == "by ana?[31m until 2026-03-01 13:30 UTC"
    for nothing in ({}, None, [], {"createdBy": "ana", "endsAt": "soon"}):
        assert read_silence(nothing) == NOT_KNOWN


@pytest.mark.parametrize("garbage", [None, {"a": 1}, [1], [{"metric": {}}], [{"metric": {}, "values": [["x", "1"]]}]])
def test_series_that_cannot_be_read_are_not_no_series(garbage: Any) -> None:
    assert read_series(garbage) == (None, "not a Prometheus answer")
    assert read_series([]) == ((), "")

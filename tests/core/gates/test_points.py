"""Gates at points: which may be asked where, since when each counts, and what a file meant before there were points."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from flipgate.core.gates.declared import judge
from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.kinds.kind import Reader
from flipgate.core.gates.kinds.promql import window_of
from flipgate.core.gates.kinds.restarts import Container, restarts_at_most
from flipgate.core.gates.points import GatePoint, compared, since
from flipgate.core.gates.sample import GateSample
from flipgate.core.record.phases import Phase
from flipgate.core.record.release import Release
from flipgate.core.spec.application import Application, application_hash, load_application
from flipgate.core.values.errors import BadInput
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import DARK, LIVE, NOW, SHOP, at, release

METRICS = "  metrics: {prometheus: http://p, alertmanager: http://a}\n"
RATIO = 'promql: "x{{namespace=\\"{{namespace}}\\"}}[{{window}}]", of: {of}, max: 1'
HOUR = 3600.0


def with_gates(*gates: str, more: str = "") -> Application:
    text = f"{SHOP}{more}{METRICS}  gates: [{', '.join(gates)}]\n"
    return load_application(text, "shop.yaml")


def gate(keys: str) -> Gate:
    return with_gates(f"{{name: a, {keys}}}").spec.gates[0]


def test_what_a_file_meant_before_there_were_points_it_means_still() -> None:
    plain = with_gates("{name: a, restarts: 0}")
    assert plain.spec.gates[0].points == (GatePoint.BAKE,)
    written = [with_gates(f"{{name: a, restarts: 0{at}}}") for at in ("", ", at: bake", ", at: [bake]")]
    assert len({application_hash(each) for each in written}) == 1, "the hash that a release pins"
    assert not {"at", "verified"} & plain.spec.gates[0].model_dump(by_alias=True).keys(), (
        "nor is it another than before"
    )


def test_a_gate_is_asked_at_the_points_that_it_names() -> None:
    spec = with_gates("{name: a, restarts: 0, at: [dark, scale-down]}", "{name: b, restarts: 0}").spec
    found = {point: [gate.name for gate in spec.gates_at(point)] for point in GatePoint}
    assert found == {"dark": ["a"], "flip": [], "bake": ["b"], "soak": [], "scale-down": ["a"]}


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ("traefik: {maxErrorRatio: 0.1}, at: dark", "cannot be asked at dark: no users are on the dark side"),
        ("traefik: {maxErrorRatio: 0.1}, at: flip", "cannot be asked at flip: no users are on the dark side"),
        ("traefik: {maxErrorRatio: 0.1}, at: [bake, soak]", "cannot be asked at soak: it counts what comes in between"),
        (f"{RATIO.format(of='target')}, at: dark", "cannot be asked at dark: it is of target"),
        ("verified: {hours: 2}", "cannot be asked at bake: .* give it `at: flip`"),
        ("verified: {hours: 2}, at: dark", "cannot be asked at dark"),
        ("verified: {hours: 0}, at: flip", "greater than 0"),
        ("verified: {hours: 400}, at: flip", "less than or equal to 336"),
        ("verified: {hours: 2}, windowSeconds: 5, at: flip", "has windowSeconds, which only a"),
        ("restarts: 0, at: []", "needs at least one entry"),
        ("restarts: 0, at: night", "'dark', 'flip', 'bake', 'soak' or 'scale-down'"),
    ],
)
def test_what_cannot_be_asked_at_a_point_is_refused_when_the_file_is_read(keys: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        gate(keys)


def test_a_gate_at_dark_is_kept_with_the_checks_and_not_called_as_one() -> None:
    check = "  checks: [{name: health, service: web, path: /healthz}]\n"
    assert with_gates("{name: health, restarts: 0, at: flip}", more=check)
    with pytest.raises(BadInput, match=r"named as a check and as a gate at dark, .*: health"):
        with_gates("{name: health, restarts: 0, at: [flip, dark]}", more=check)


def of_age(seconds: float, *phases: Phase) -> Release:
    """A release that has gone through these phases so long ago, all at once."""
    return release(*phases, now=at(-seconds))


@pytest.mark.parametrize(
    ("point", "seconds", "begins", "said"),
    [
        (GatePoint.DARK, 60, -60, "2026-03-01 11:59:00 UTC, its deploy"),
        (GatePoint.DARK, 5 * HOUR, -5 * HOUR, "2026-03-01 07:00:00 UTC, its deploy"),
        (GatePoint.FLIP, 60, -60, "2026-03-01 11:59:00 UTC, its deploy"),
        (GatePoint.FLIP, 5 * HOUR, -HOUR, "2026-03-01 11:00:00 UTC, an hour ago"),
        (GatePoint.BAKE, 5 * HOUR, -5 * HOUR, "the flip"),
        (GatePoint.SOAK, 60, -60, "2026-03-01 11:59:00 UTC, the flip"),
        (GatePoint.SOAK, 5 * HOUR, -HOUR, "2026-03-01 11:00:00 UTC, an hour ago"),
        (GatePoint.SCALE_DOWN, 5 * HOUR, -HOUR, "2026-03-01 11:00:00 UTC, an hour ago"),
    ],
)
def test_since_when_a_gate_counts_at_each_point(point: GatePoint, seconds: float, begins: float, said: str) -> None:
    phases = DARK if point.before_users else LIVE
    assert since(point, of_age(seconds, *phases), NOW) == (at(begins), said)


@pytest.mark.parametrize("point", [GatePoint.FLIP, GatePoint.SOAK, GatePoint.SCALE_DOWN])
def test_an_alert_counts_however_long_it_has_fired_and_what_is_counted_over_an_hour_does_not(point: GatePoint) -> None:
    """Or a release's alert would pass again an hour after it began, and while it fires."""
    assert (gate("alerts: {severity: page}").kind.whole, gate("restarts: 0").kind.whole) == (True, False)
    release = of_age(5 * HOUR, *(DARK if point is GatePoint.FLIP else LIVE))
    assert since(point, release, NOW, whole=True).at < at(-4 * HOUR)


def test_the_other_side_is_compared_while_it_had_its_users() -> None:
    assert compared(GatePoint.FLIP, of_age(60, *DARK), NOW) == NOW
    assert compared(GatePoint.SOAK, of_age(5 * HOUR, *LIVE), NOW) == at(-5 * HOUR)


def test_the_window_is_no_longer_than_what_counts() -> None:
    counted = gate(f"{RATIO.format(of='namespace')}, windowSeconds: 600, at: flip")
    assert window_of(counted, 60) == 60
    assert window_of(counted, HOUR) == 600


def test_away_from_the_bake_the_evidence_says_since_when() -> None:
    def judged(keys: str) -> Evidence:
        return judge(gate(f"{keys}, at: flip"), [GateSample(0, 0)], 0, "shop-green", "11:00:00 UTC, an hour ago")

    assert judged("logs: {pattern: x, max: 10}").answer.startswith(
        "0 in shop-green's pods since 11:00:00 UTC, an hour ago; "
    )
    ratio = judged(RATIO.format(of="namespace"))
    assert ratio.of_whom == "Prometheus, of shop-green by namespace since 11:00:00 UTC, an hour ago"


@pytest.mark.parametrize(
    ("created", "ended", "count"),
    [(60, 70, 3), (-60, 10, 3), (-60, None, 3), (-60, -10, 0)],
    ids=["made since", "ended since", "no end known", "long ago"],
)
def test_restarts_that_are_seen_once_are_rather_too_many_than_too_few(
    created: float, ended: float | None, count: int
) -> None:
    container = Container("uid-1", "web", 3, at(created), None if ended is None else at(ended))
    assert restarts_at_most([container], NOW) == count


# How long it has been dark


class Dark:
    """What the gate reads: a release that got dark at NOW, or is not dark, and the clock."""

    def __init__(self, hours: float, *, dark: bool = True) -> None:
        self.dark_since: datetime | None = NOW if dark else None
        self.time = NOW + timedelta(hours=hours)

    def now(self) -> datetime:
        return self.time


def verified(reader: Dark) -> Evidence:
    asked = gate("verified: {hours: 2}, at: flip, failures: 1")
    measure = asked.kind.measure(asked, cast(Reader, reader))
    return judge(asked, [measure(0)], 0, "shop-green", "11:00:00 UTC, its deploy")


@pytest.mark.parametrize(
    ("facts", "verdict", "said"),
    [
        (
            {"hours": 0.5},
            Verdict.FAIL,
            "0.5 (hours since 2026-03-01 12:00:00 UTC, when its checks passed; enough at 2026-03-01 14:00:00 UTC)",
        ),
        ({"hours": 2}, Verdict.PASS, "2 (hours since 2026-03-01 12:00:00 UTC, when its checks passed)"),
        ({"hours": 9, "dark": False}, Verdict.UNKNOWN, "no number (the release is not dark)"),
    ],
)
def test_a_release_has_to_be_dark_and_checked_for_so_long(facts: dict[str, Any], verdict: Verdict, said: str) -> None:
    found = verified(Dark(**facts))
    assert (found.verdict, found.threshold) == (verdict, "at least 2")
    assert found.answer.startswith(said)

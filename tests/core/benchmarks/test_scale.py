"""What is said of how verbs grow with the number of services."""

from __future__ import annotations

from benchmarks.fleet import Turn
from benchmarks.scale import APPLIED, Cost, reconciled_row, summary, table, told_of


def rows(seconds: float, flip: Cost, kib: float) -> dict[str, Cost | float]:
    return {
        "flip, to the patch": flip,
        "record, KiB": kib,
        APPLIED: Cost(9, seconds),
        "deploy": Cost(9, 0.75 * seconds),
    }


FOUND: dict[int, dict[str, Cost | float]] = {
    9: rows(1.0, Cost(20, 0.1), 10.0),
    50: rows(2.0, Cost(61, 0.2), 20.0),
    209: rows(4.0, Cost(220, 0.4), 70.5),
}


def test_growth_is_from_the_fewest_to_the_most() -> None:
    _, flip, record, *_ = table(FOUND).splitlines()
    assert flip.split()[:8] == ["flip,", "to", "the", "patch", "20,", "0.100", "s", "61,"]
    assert flip.endswith("1.00 requests a service, 4.0 times the seconds")
    assert record.split() == ["record,", "KiB", "10.0", "20.0", "70.5"]


def test_the_last_line_has_each_figure_by_its_number() -> None:
    told = summary(FOUND)
    assert told == told | {"services": [9, 50, 209], "flip_requests_209": 220, "record_kib_209": 70.5}
    assert told["flip_seconds_ratio_209_to_9"] == 4.0
    assert (told["deploy_ratio_50"], told["kubectl_apply_seconds_209"]) == (0.75, 4.0)


def test_a_turn_of_reconcile_is_said_for_a_thousand() -> None:
    turn = Turn(applications=50, seconds=1.5, requests=6.04)
    said = "reconcile of 50 quiet applications: 1.5 s, 6.0 requests each; a thousand at that pace: 30 s"
    assert reconciled_row(turn) == said
    assert told_of(turn)["reconcile_requests_per_application"] == 6.04

"""What is said of how verbs grow with the number of services."""

from __future__ import annotations

from benchmarks.scale import Cost, summary, table

FOUND: dict[int, dict[str, Cost | float]] = {
    9: {"flip, to the patch": Cost(20, 0.1), "record, KiB": 10.0},
    50: {"flip, to the patch": Cost(61, 0.2), "record, KiB": 20.0},
    209: {"flip, to the patch": Cost(220, 0.4), "record, KiB": 70.5},
}


def test_growth_is_from_the_fewest_to_the_most() -> None:
    _, flip, record, _ = table(FOUND).splitlines()
    assert flip.split()[:8] == ["flip,", "to", "the", "patch", "20,", "0.100", "s", "61,"]
    assert flip.endswith("1.00 requests a service, 4.0 times the seconds")
    assert record.split() == ["record,", "KiB", "10.0", "20.0", "70.5"]


def test_the_last_line_has_each_figure_by_its_number() -> None:
    told = summary(FOUND)
    assert told == told | {"services": [9, 50, 209], "flip_requests_209": 220, "record_kib_209": 70.5}
    assert told["flip_seconds_ratio_209_to_9"] == 4.0

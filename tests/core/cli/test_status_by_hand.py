"""The way back without flipgate is a line of its own, and not the end of another."""

from __future__ import annotations

import pytest

from flipgate.core.values.base import but
from tests.core.builders import LIVE, record, release
from tests.core.cli.looks import data, facts, text

LINE = "kubectl -n edge patch ingressroutes.traefik.io live --type=json -p='[]'"


@pytest.mark.parametrize(
    "message", [f"the old side stays up; by hand: {LINE}", f"proven past the throttle of 2 s. Back by hand: {LINE}"]
)
def test_it_stands_in_the_wide_status_alone(message: str) -> None:
    one = release(*LIVE)
    *before, last = one.changes
    seen = facts(record(release=but(one, changes=(*before, but(last, message=message)))))
    assert LINE not in text(seen)
    (phase,) = [line for line in text(seen).splitlines() if line.startswith("  Phase")]
    assert message.partition("; by")[0].partition(". Back")[0] + ")" in phase
    assert f"By hand     {LINE}" in text(seen, wide=True)
    assert data(seen)["release"]["message"] == message, "what programs read stays whole"


def test_without_one_there_is_no_such_line() -> None:
    assert "By hand" not in text(facts(record(release=release(*LIVE))), wide=True)

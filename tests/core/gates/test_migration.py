"""What a database's own programs say: versions, half applied migrations, backups."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flipgate.core.gates.migration import (
    LONGEST_VERSION,
    Version,
    judge_backup,
    judge_lag,
    judge_migration,
    judge_version,
    read_version,
)
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import NOW

RAN = Evidence("orders-version", Verdict.PASS, "version", "shop-green", "exit code 0 after 0.1 s", "exit code 0")
CAME, STAYED, HALF = Version("13"), Version("12"), Version("13", dirty=True)


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("12\n", Version("12")),
        ("12 (dirty)\n", Version("12", dirty=True)),  # golang-migrate
        ("20260301120000 dirty\n\n", Version("20260301120000", dirty=True)),
        ("connecting\n 2.1.3 \n", Version("2.1.3")),  # Flyway
        ("", None),
        ("error: no migration", None),
        ("12 clean", None),
        ("v" * (LONGEST_VERSION + 1), None),
    ],
)
def test_the_last_line_says_the_version(output: str, found: Version | None) -> None:
    assert read_version(output) == found


@pytest.mark.parametrize(
    ("ran", "verdict", "answer"),
    [
        (replace(RAN, output="12"), Verdict.PASS, "12"),
        (replace(RAN, output="12 dirty"), Verdict.FAIL, "12 (dirty)"),
        (replace(RAN, output="who knows?"), Verdict.UNKNOWN, "the last line says who knows?"),
        (replace(RAN, output=""), Verdict.UNKNOWN, "the last line says nothing"),
        (replace(RAN, verdict=Verdict.FAIL, answer="exit code 1", output="12"), Verdict.UNKNOWN, "exit code 1"),
    ],
)
def test_a_version_passes_where_it_is_known_and_not_dirty(ran: Evidence, verdict: Verdict, answer: str) -> None:
    evidence, version = judge_version("orders: version", ran)
    assert (evidence.gate, evidence.verdict) == ("orders: version", verdict)
    assert answer in evidence.answer
    assert (version is None) == (verdict is Verdict.UNKNOWN)


@pytest.mark.parametrize(
    ("ended", "after", "verdict", "answer"),
    [
        (Verdict.PASS, CAME, Verdict.PASS, "from 12 to 13; exit code"),
        (Verdict.PASS, STAYED, Verdict.PASS, "at 12: nothing to do; exit code"),
        (Verdict.PASS, HALF, Verdict.FAIL, "from 12 to 13 (dirty), half applied"),
        (Verdict.PASS, None, Verdict.UNKNOWN, "a version that is not known"),
        (Verdict.FAIL, None, Verdict.FAIL, "a version that is not known"),
        (Verdict.FAIL, HALF, Verdict.FAIL, "the database is at 13 (dirty): exit code"),
        (Verdict.FAIL, STAYED, Verdict.FAIL, "the database is still at 12: exit code"),
        (Verdict.UNKNOWN, STAYED, Verdict.UNKNOWN, "the database is still at 12"),
    ],
)
def test_a_migration_passes_where_it_ended_well_and_left_a_clean_version(
    ended: Verdict, after: Version | None, verdict: Verdict, answer: str
) -> None:
    found = judge_migration("orders: expand", replace(RAN, verdict=ended), STAYED, after)
    assert (found.gate, found.verdict) == ("orders: expand", verdict)
    assert answer in found.answer


@pytest.mark.parametrize(
    ("output", "verdict", "answer"),
    [
        ("2026-03-01T11:00:00Z", Verdict.PASS, "made 2026-03-01 11:00 UTC, 1.0 h ago"),
        ("done\n2026-03-01T12:00:00+02:00\n", Verdict.PASS, "2.0 h ago"),
        ("2026-02-28T11:59:00Z", Verdict.FAIL, "24.0 h ago"),
        ("2026-03-01T12:04:00Z", Verdict.PASS, "0.0 h ago"),
        ("2026-03-01T13:00:00Z", Verdict.UNKNOWN, "has not come yet"),
        ("2026-03-01T11:00:00", Verdict.UNKNOWN, "a time with its zone"),
        ("yesterday", Verdict.UNKNOWN, "the last line says yesterday"),
        ("", Verdict.UNKNOWN, "the last line says nothing"),
    ],
)
def test_a_backup_passes_where_it_is_young_enough(output: str, verdict: Verdict, answer: str) -> None:
    found = judge_backup("orders: backup", replace(RAN, output=output), 24, NOW)
    assert (found.verdict, found.threshold) == (verdict, "not older than 24 h")
    assert answer in found.answer


def test_a_backup_of_which_nobody_could_be_asked_is_unknown() -> None:
    ran = replace(RAN, verdict=Verdict.FAIL, answer="exit code 1", output="2026-03-01T11:00:00Z")
    assert judge_backup("orders: backup", ran, 24, NOW).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("output", "verdict", "answer"),
    [
        ("carried\n0\n", Verdict.PASS, "0"),
        ("0.0\n", Verdict.PASS, "0"),
        ("3\n", Verdict.FAIL, "3"),
        ("-1\n", Verdict.FAIL, "-1"),
        ("nan\n", Verdict.UNKNOWN, "has to be a number"),
        ("none\n", Verdict.UNKNOWN, "the last line says none"),
        ("", Verdict.UNKNOWN, "the last line says nothing"),
    ],
)
def test_nothing_may_lag_and_what_is_no_number_is_unknown(output: str, verdict: Verdict, answer: str) -> None:
    found = judge_lag("orders: lag", replace(RAN, output=output))
    assert (found.verdict, answer in found.answer, found.threshold) == (verdict, True, "0")
    failed = judge_lag("orders: lag", replace(RAN, output=output, verdict=Verdict.FAIL))
    assert failed.verdict is Verdict.UNKNOWN

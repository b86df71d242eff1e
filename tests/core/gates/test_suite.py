"""Checks that run by themselves, once a release is dark: what people are shown of them, and what nobody may flip on."""

from __future__ import annotations

from flipgate.core.gates.checks import Check
from flipgate.core.gates.suite import not_run, remembered
from flipgate.core.record.release import CHECKS, Release
from flipgate.core.record.size import _summed_evidence
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import at, release

HTTP = Check.model_validate({"name": "health", "service": "api", "path": "/health"})
SUITE = Check.model_validate({"name": "suite", "service": "api", "command": ["suite"]})


def checked(*names: str) -> Release:
    """A release of which these checks passed at NOW."""
    said = [Evidence(name, Verdict.PASS, "suite", "green", "exit code 0 after 3.0 s", "exit code 0") for name in names]
    return release().judged(CHECKS, said, at())


def test_what_a_check_said_of_the_release_is_shown_with_its_age() -> None:
    (found,) = remembered([HTTP, SUITE], checked("health", "suite"), at(600))
    fact = "10 min ago, for this release: exit code 0 after 3.0 s (wanted exit code 0)"
    assert (found.gate, found.verdict, found.answer) == ("suite", Verdict.PASS, fact)


def test_a_check_that_never_ran_for_the_release_is_unknown() -> None:
    for known in (checked("health"), release()):
        (found,) = remembered([HTTP, SUITE], known, at(60))
        assert found.verdict is Verdict.UNKNOWN
        assert "the build has to be deployed again" in found.answer


def test_where_the_record_had_no_room_for_it_only_that_it_passed_is_shown() -> None:
    summed = _summed_evidence(checked("suite", *[f"http-{n}" for n in range(25)]))
    (found,) = remembered([SUITE], summed, at(7_200))
    assert (found.verdict, found.answer) == (Verdict.INFO, "passed 2.0 h ago; what it said is not kept")


def test_a_new_check_is_not_taken_for_one_that_was_left_out_of_many() -> None:
    many = checked(*[f"http-{n}" for n in range(25)])
    worded = release().judged(CHECKS, [Evidence("other", Verdict.PASS, "", "", "it wrote last: 3 not kept", "")], at())
    for known in (many, worded):
        (found,) = remembered([SUITE], known, at(60))
        assert found.verdict is Verdict.UNKNOWN


def test_of_many_the_record_keeps_those_that_come_first() -> None:
    (found,) = remembered([SUITE], checked("suite", *[f"http-{n}" for n in range(25)]), at(60))
    assert found.verdict is Verdict.PASS


def test_what_was_not_run_is_said_and_decides_nothing() -> None:
    (found,) = not_run([HTTP, SUITE])
    assert (found.gate, found.verdict) == ("suite", Verdict.INFO)

"""A release's checks as JUnit XML: well-formed whatever they wrote, and never an empty report."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipgate.cli._junit import junit
from flipgate.cli._story import Found, as_data
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.release import BAKE, CHECKS, Release
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import at, release

PASS = Evidence("health", Verdict.PASS, "web:80/", "green", "status 200 in 0.010 s", "status 200", seconds=0.012)
FAIL = Evidence("suite", Verdict.FAIL, "suite", "green", "exit code 1", "exit code 0", "2 of 40 fail\n", 3.5)
NONE = Evidence("smoke", Verdict.UNKNOWN, "Job", "green", "not run", "completes")
INFO = Evidence("late", Verdict.INFO, "suite", "nobody", "not run: a check before it did not pass", "")


def written(found: Release) -> ElementTree.Element:
    return ElementTree.fromstring(junit(as_data("shop", Found(found, ()), at(60))))


def test_each_check_is_a_case_with_its_time_its_verdict_and_what_it_wrote() -> None:
    root = written(release().judged(CHECKS, [PASS, FAIL, NONE, INFO], at(5)))
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("4", "1", "1", "1")
    (suite,) = root
    assert (suite.get("name"), suite.get("time"), suite.get("timestamp")) == ("checks", "3.512", "2026-03-01T12:00:05")
    health, failed, none, late = suite.findall("testcase")
    assert (health.get("classname"), health.get("name"), health.get("time")) == ("shop.checks", "health", "0.012")
    assert health.findtext("system-out") == "status 200 in 0.010 s (wanted status 200)"
    assert [child.tag for child in failed] == ["failure", "system-out"]
    assert failed[0].get("message") == "exit code 1 (wanted exit code 0)"
    assert failed.findtext("system-out") == "2 of 40 fail\n"
    assert none[0].tag == "error"
    assert late[0].tag == "skipped"


def test_the_newest_judgement_of_each_step_counts() -> None:
    found = release().judged(CHECKS, [PASS], at()).judged(BAKE, [FAIL], at(5)).judged(BAKE, [PASS], at(9))
    root = written(found)
    assert [suite.get("name") for suite in root] == ["checks", "bake"]
    assert root.get("failures") == "0"


def test_a_release_that_was_never_checked_is_an_error_and_no_empty_report() -> None:
    failed = release().advanced(Phase.FAILED, Reason.NOT_READY_IN_TIME, at(60), "api 0/2")
    root = written(failed)
    assert (root.get("tests"), root.get("errors")) == ("1", "1")
    error = root.find("testsuite/testcase/error")
    assert error is not None
    assert "the release is `failed` (NotReadyInTime): api 0/2" in (error.get("message") or "")


@pytest.mark.parametrize("text", ["\x1b[31mred\x1b[0m", "\x00", "]]>", "<b>&", "\ufffe", "caf\udce9"])
def test_what_xml_cannot_hold_is_replaced(text: str) -> None:
    bad = Evidence(text, Verdict.FAIL, "", "", text, text, text)
    case = written(release().judged(CHECKS, [bad], at())).find("testsuite/testcase")
    assert case is not None
    assert "\x1b" not in (case.findtext("system-out") or "")


@given(st.text())
def test_it_is_well_formed_whatever_is_in_it(text: str) -> None:
    written(release().judged(CHECKS, [Evidence(text, Verdict.FAIL, "", "", text, "", text, 0.5)], at()))


def test_of_much_output_the_record_keeps_the_ends() -> None:
    long = Evidence("suite", Verdict.PASS, "", "", "", "", "begins" + "x" * 9_000 + "ends", 1)
    text = written(release().judged(CHECKS, [long], at())).findtext("testsuite/testcase/system-out") or ""
    assert len(text) <= 2_000
    assert text.startswith("begins")
    assert text.endswith("ends")

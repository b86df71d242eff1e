"""Checks that are programs: what may be declared, what they are told, and what their end says."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from flipgate.core.gates.checks import Check
from flipgate.core.gates.command_check import Ended, NotStarted, Output, in_capitals, judge_command, told
from flipgate.core.values.verdicts import Verdict

SUITE = {"name": "suite", "service": "api", "command": ["npm", "run", "test:integration"]}


def test_a_command_check_says_what_it_runs_and_wants() -> None:
    check = Check.model_validate({**SUITE, "timeoutSeconds": 60})
    assert (check.kind, check.what, check.wanted, check.runs_by_itself) == (
        "command",
        "npm run test:integration",
        "exit code 0 within 60 s",
        True,
    )


@pytest.mark.parametrize(
    ("keys", "fact"),
    [
        ({"path": "/"}, r"needs exactly one of path, command, job, workload \(it has: path and command\)"),
        ({"command": None}, r"needs exactly one of path, command, job, workload \(it has: none\)"),
        ({"service": None}, "needs service: whom it asks"),
        ({"samples": 5, "status": 201}, "has samples, status, which one with command does not have"),
        ({"command": []}, "at least 1 item"),
        ({"command": ["/bin/sh", "-c", "id"]}, "is not a program below the folder that FLIPGATE_COMMANDS names"),
        ({"command": ["../sh"]}, "is not a program below the folder"),
        ({"command": ["a/../../sh"]}, "is not a program below the folder"),
        ({"command": ["suite", "a\0b"]}, "has no NUL in it"),
        ({"timeoutSeconds": 3601}, "less than or equal to 3600"),
    ],
)
def test_what_cannot_be_meant_or_leads_out_of_the_folder_is_refused(keys: dict[str, object], fact: str) -> None:
    with pytest.raises(ValidationError, match=fact):
        Check.model_validate({**SUITE, **keys})


def test_an_http_check_has_no_time_limit_of_a_program() -> None:
    with pytest.raises(ValidationError, match="has timeoutSeconds, which one with path does not have"):
        Check.model_validate({"name": "a", "service": "api", "path": "/", "timeoutSeconds": 5})


OUTPUT = Output("one\n\ntwo\nthree\nfour\n")


@pytest.mark.parametrize(
    ("found", "verdict", "fact"),
    [
        (Ended(0, 1.26, Output("")), Verdict.PASS, "exit code 0 after 1.3 s"),
        (Ended(0, 1.2, OUTPUT), Verdict.PASS, "exit code 0 after 1.2 s; it wrote last: two / three / four"),
        (Ended(3, 1.2, Output("no\x1b[31m")), Verdict.FAIL, "exit code 3 after 1.2 s; it wrote last: no?[31m"),
        (Ended(-11, 1.2, Output("")), Verdict.FAIL, "ended by signal 11 after 1.2 s"),
        (Ended(-9, 60.1, Output(""), limit=True), Verdict.FAIL, "killed after 60 s, its limit"),
        (Ended(0, 60.1, Output(""), limit=True), Verdict.FAIL, "killed after 60 s, its limit"),
        (NotStarted("no such program"), Verdict.UNKNOWN, "not started: no such program"),
    ],
)
def test_exit_code_0_in_time_passes_and_nothing_else(found: Ended | NotStarted, verdict: Verdict, fact: str) -> None:
    assert judge_command(found, 60) == (verdict, fact)


def test_of_much_output_beginning_and_end_are_kept() -> None:
    assert Output("begins", "ends", 12).text == "begins\n... 12 bytes left out ...\nends"
    assert Output("begins", "ends", 12).last_lines == "ends"


def test_a_program_is_told_of_the_dark_side_and_no_more() -> None:
    secrets = {"KUBECONFIG": "/k", "PREFECT_API_KEY": "s", "SLACK_TOKEN": "s", "HTTPS_PROXY": "p", "HOME": "/root"}
    worker = {"PATH": "/bin", "LANG": "C.UTF-8", **secrets}
    urls = {"api": "http://127.0.0.1:1", "odds-feed": "http://127.0.0.1:2"}
    assert told(worker, "/tmp/x", urls, "api", {"SIDE": "green"}) == {
        "PATH": "/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp/x",
        "TMPDIR": "/tmp/x",
        "FLIPGATE_URL_API": "http://127.0.0.1:1",
        "FLIPGATE_URL_ODDS_FEED": "http://127.0.0.1:2",
        "FLIPGATE_BASE_URL": "http://127.0.0.1:1",
        "FLIPGATE_SIDE": "green",
    }
    assert in_capitals("a.b-c") == "A_B_C"

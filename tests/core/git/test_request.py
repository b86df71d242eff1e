"""A merge request: its branch, what its program is told, and what the end of that says."""

from __future__ import annotations

import pytest

from flipgate.core.gates.command_check import Ended, NotStarted, Output
from flipgate.core.git.request import about, branch_of, judge_request, last_url
from flipgate.core.git.routes import Told
from tests.core.builders import GREEN
from tests.core.git.test_routes import SPEC

TOLD = Told("flip", "3f2a9c01d4e8-1", "ana", "")


def ended(code: int, text: str, *, limit: bool = False) -> Ended:
    return Ended(code, 1.0, Output(text), limit)


def test_each_release_and_side_has_a_branch() -> None:
    assert branch_of("shop", TOLD, GREEN) == "flipgate/shop/3f2a9c01d4e8-1-green"
    assert branch_of("shop", Told("roll back", "-", "somebody", ""), GREEN) == "flipgate/shop/green"
    assert branch_of("shop", TOLD, GREEN, 2) == "flipgate/shop/3f2a9c01d4e8-1-green-2"


def test_the_program_is_told_title_and_message_apart() -> None:
    told = about(SPEC, "shop", "flipgate/shop/green", GREEN, "flip: shop a-1, green\n\nBy ana.\n- x\n")
    assert (told["TITLE"], told["MESSAGE"]) == ("flip: shop a-1, green", "By ana.\n- x")
    assert (told["BRANCH"], told["TARGET"], told["REPOSITORY"]) == ("flipgate/shop/green", "main", SPEC.repository)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (ended(0, "https://git.example/7"), ""),
        (ended(1, "a pull request for branch x already exists:\nhttps://git.example/7"), ""),
        (ended(1, "409 {message: [Another open merge request already exists for this source branch: !7]}"), ""),
        (ended(4, "HTTP 401"), "exit code 4 after 1.0 s; it wrote last: HTTP 401"),
        (ended(-9, "already exists", limit=True), "killed after 60 s, its limit; it wrote last: already exists"),
        (NotStarted("no program"), "not started: no program"),
    ],
)
def test_a_request_is_open_where_it_was_opened_or_was_before(found: Ended | NotStarted, problem: str) -> None:
    assert judge_request(found, 60) == problem


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", ""),
        ("Creating https://a.example/x\nhttps://git.example/acme/pull/7\n", "https://git.example/acme/pull/7"),
        ("opened <https://git.example/7>.", "https://git.example/7"),
        ("see https://git.example/7.", "https://git.example/7"),
        ("https://bot:s3cret@git.example/a/@b", "https://git.example/a/@b"),
        ("https://s3cret@git.example", "https://git.example"),
    ],
)
def test_the_last_address_is_the_requests(text: str, url: str) -> None:
    assert last_url(text) == url

"""How people are called: by the login that the cluster knows, and everything else is marked as a claim."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.values.text import NAME_SHOWN, as_name, self_declared
from flipgate.core.values.who import Caller, Identity, Speaker, read_caller, shown, slack_caller, user_of


def review(username: Any, *groups: Any) -> dict[str, Any]:
    """As the API server answers a SelfSubjectReview."""
    return {"status": {"userInfo": {"username": username, "groups": ["system:authenticated", *groups]}}}


def test_a_login_is_the_name_and_its_groups_come_with_it() -> None:
    caller = read_caller(review("ana@example.org", "release-managers"))
    assert caller == Caller("ana@example.org", frozenset({"system:authenticated", "release-managers"}))
    assert Speaker("root@laptop", caller).name == "ana@example.org"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"status": {}},
        {"status": "Failure"},
        {"status": {"userInfo": ["ana"]}},
        {"status": {"userInfo": {"username": "ana", "groups": 7}}},
        {"status": {"userInfo": {"username": "system:anonymous", "groups": ["system:unauthenticated"]}}},
        review(""),
        review(7),
        review("ana\nben"),
        review("ana\x1b[2K"),
        review("a" * 257),
        review("ä" * 129),
        review("ana, says eve"),
        review("ana (self-declared)"),
    ],
    ids=[
        "empty",
        "nobody",
        "a word",
        "a list",
        "no groups",
        "anonymous",
        "no name",
        "no text",
        "two lines",
        "an escape",
        "long",
        "long in bytes",
        "one that says another",
        "a claim",
    ],
)
def test_what_names_nobody_whole_names_nobody(answer: dict[str, Any]) -> None:
    """Cut or cleaned, a name might be another's, whom a policy names."""
    assert read_caller(answer) is None


def test_without_a_login_the_name_is_a_claim_and_says_so() -> None:
    assert Speaker("ana@laptop").name == "ana@laptop (self-declared)"
    assert Speaker("ana@laptop").plain == "ana@laptop"


@pytest.mark.parametrize("user", ["kubernetes-admin", "system:admin", "system:serviceaccount:ci:deployer"])
def test_beside_a_login_that_many_share_stands_who_they_say_they_are(user: str) -> None:
    speaker = Speaker("ana@laptop", Caller(user))
    assert speaker.name == f"{user}, says ana@laptop (self-declared)"
    assert user_of(speaker.name) == user_of(speaker.plain) == user


@pytest.mark.parametrize("length", [60, 85, 90, 93, 100, 200])
def test_a_long_login_is_found_whole_in_a_name_that_was_bounded_once_more(length: int) -> None:
    """A flow bounds the name that it is given: cut within the login, nobody would be known by it."""
    user = "system:" + "x" * (length - 7)
    speaker = Speaker("ana@laptop" * 9, Caller(user))
    assert user_of(self_declared(speaker.plain)) == user_of(speaker.name) == as_name(user)
    assert len(speaker.plain) <= NAME_SHOWN


@pytest.mark.parametrize("filler", ["\u3164", "\u2800", "\U0001f6d1", '"'], ids=ascii)
@pytest.mark.parametrize("caller", [None, Caller("kubernetes-admin"), Caller("system:" + "\u3164" * 80)])
def test_the_mark_is_kept_however_many_bytes_the_name_before_it_has(filler: str, caller: Caller | None) -> None:
    """Some characters are three bytes and look like nothing: cut behind them, a claim looks like a login."""
    speaker = Speaker("ana@example.org" + filler * 90, caller)
    for name in (speaker.name, self_declared(speaker.plain)):
        stored = Identity(user=name).user
        assert stored == name
        assert stored == as_name(caller.user if caller else "") or stored.endswith(" (self-declared)")
        assert user_of(stored) == (as_name(caller.user) if caller else speaker.plain)


@pytest.mark.parametrize(
    ("by", "identity", "name"),
    [
        ("ana", Identity(user="ana"), "ana"),
        ("the boss", None, "the boss (self-declared)"),
        ("the boss", Identity(user="ana"), "the boss (self-declared)"),
        ("ana (self-declared)", None, "ana (self-declared)"),
        ("x" * 100, Identity(user="x" * 100), "x" * 100),
        ("x" * 99 + "…", Identity(user="x" * 200), "x" * 99 + "…"),
    ],
)
def test_a_recorded_name_without_its_proof_is_shown_as_a_claim(by: str, identity: Identity | None, name: str) -> None:
    assert shown(by, identity) == name


def test_who_opened_a_release_is_found_in_how_they_are_shown() -> None:
    assert [user_of(each) for each in ("ana", "ci (self-declared)", "image build event (self-declared)")] == [
        "ana",
        "ci",
        "image build event",
    ]


@pytest.mark.parametrize(
    ("member", "name", "user"),
    [
        ("U0123ABC", "ana", "U0123ABC / ana"),
        ("W0123ABC", "ana / U9", "W0123ABC / ana / U9"),
        ("U0123ABC", "", "U0123ABC"),
        ("U0123ABC", "x" * 200, "U0123ABC"),
        ("U0123ABC", "ben (self-declared)", "U0123ABC"),
        ("U0123ABC", "ben, says ana", "U0123ABC"),
        ("U0123ABC / U9", "ana", None),
        ("ana", "ana", None),
        ("", "", None),
    ],
)
def test_who_has_clicked_is_known_by_the_member_s_id(member: str, name: str, user: str | None) -> None:
    found = slack_caller(member, "T1", name)
    assert (found.user if found else None) == user
    if found:
        assert Identity(user=found.user, door=found.door).member == member
        assert Speaker("", found).name == user, "and it is no claim"
        assert shown(found.user, Identity(user=found.user, door=found.door)) == user


def test_a_login_of_the_cluster_is_no_member() -> None:
    assert Identity(user="U0123ABC / ana").member == ""

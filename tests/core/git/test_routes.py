"""What is committed of the routes after a move, and what a commit says."""

from __future__ import annotations

import pytest

from flipgate.core.git import edits
from flipgate.core.git.message import FLIP, ROLL_BACK, commit_message, image_lines
from flipgate.core.git.routes import Told, changed_files, leads_there, not_in_files, story
from flipgate.core.record.intents import Move
from flipgate.core.record.phases import Reason
from flipgate.core.record.record import EntryState, begin, end
from flipgate.core.record.sent import note_sent
from flipgate.core.spec.git import GitSpec
from flipgate.core.traffic.traffic import RouteName
from flipgate.core.values.base import but
from flipgate.core.values.sides import Side
from tests.core.builders import BLUE, GREEN, LIVE, NOW, record, release
from tests.core.git.test_manifest import API, PLACES, TEAM, WHERE

OTHER = RouteName("IngressRoute", "monitoring", "other")
FILES = {WHERE: TEAM, "unrelated.yaml": "a: 1\n"}
SPEC = GitSpec.model_validate({"repository": "https://git.example/x/y", "routes": ("a",)}, by_name=True)


def test_all_routes_of_all_files_are_changed_and_no_other_file() -> None:
    changed = changed_files(FILES, (API, OTHER), PLACES, Side.GREEN)
    assert list(changed) == [WHERE]
    assert leads_there({**FILES, **changed}, (API, OTHER), PLACES, Side.GREEN)
    assert not leads_there(FILES, (API, OTHER), PLACES, Side.GREEN)
    assert leads_there(FILES, (API, OTHER), PLACES, Side.BLUE)


def test_a_file_is_read_once_for_all_of_its_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading YAML with where its values stand is slow."""
    read, texts = edits.read_parts, []

    def counted(text: str, source: str) -> tuple[edits.Part, ...]:
        texts.append(text)
        return read(text, source)

    monkeypatch.setattr(edits, "read_parts", counted)
    changed = changed_files({WHERE: TEAM}, (API, OTHER), PLACES, Side.GREEN)
    assert texts == [TEAM, changed[WHERE]], "the second shows that nothing else was changed"
    texts.clear()
    assert leads_there(changed, (API, OTHER), PLACES, Side.GREEN)
    assert not not_in_files(changed, (API, OTHER), PLACES)
    assert len(texts) == 2


def test_a_route_that_no_file_has_never_agrees() -> None:
    lost = RouteName("IngressRoute", "monitoring", "lost")
    assert not_in_files(FILES, (API, lost), PLACES) == (lost,)
    assert not leads_there(FILES, (API, lost), PLACES, Side.BLUE)


def test_what_sent_users_where_they_are() -> None:
    live = record(release=release(*LIVE))
    assert live.release is not None
    side = live.release.side
    assert story(live, side, FLIP, ROLL_BACK).what == FLIP
    assert story(live, side.other, FLIP, ROLL_BACK).what == ROLL_BACK
    newer = but(live, release=release(), last=live.release)
    assert story(newer, side, FLIP, ROLL_BACK).release == live.release.name
    assert story(newer, side, FLIP, ROLL_BACK).what == FLIP
    assert story(record(), BLUE, FLIP, ROLL_BACK).release == "-"


def test_who_went_back_and_why_is_said_of_the_release_that_users_left() -> None:
    live = record(release=release(*LIVE))
    assert live.release is not None
    side, why = live.release.side, "ben: git was edited: a mistake"
    sent = note_sent(live, side.other, Reason.ROLLBACK_REQUESTED, why, actor="ben@host/1", now=NOW)
    move = Move(side.other, back=True)
    begun, entry = begin(sent, move.step, "ben@host/1", NOW, move.written())
    back = end(begun, entry.id, EntryState.DONE, NOW, "done")
    told = Told(ROLL_BACK, live.release.name, "ben", "git was edited: a mistake")
    assert story(back, side.other, FLIP, ROLL_BACK) == told
    failed = but(back, release=release(), last=live.release)
    assert story(failed, side.other, FLIP, ROLL_BACK).release == live.release.name, "no later one, which moved nobody"
    there = Move(side, back=True, forced=True)
    forth, _ = begin(back, there.step, "ben@host/1", NOW, there.written())
    assert story(forth, side, FLIP, ROLL_BACK).what == ROLL_BACK, "--to the release's own side is no flip"


def test_a_message_holds_no_control_characters_and_no_more_lines_than_fit() -> None:
    by = "ana\x1b[31m\nSigned-off-by: eve"
    said = commit_message(
        SPEC,
        FLIP,
        application="shop",
        release="abc-1",
        side="green",
        by=by,
        link="",
        details="- x",
    )
    assert said.startswith("flip: shop abc-1, green\n\nBy ana")
    assert "\x1b" not in said
    assert "\nSigned-off-by" not in said
    many = image_lines({}, {f"s{n:03}": "a:1" for n in range(150)})
    assert many.splitlines()[-1] == "- and 50 more"


@pytest.mark.parametrize("side", [BLUE, GREEN])
def test_images_that_stay_are_not_listed(side: Side) -> None:
    assert image_lines({"a": "x:1", "b": "y:1"}, {"a": "x:1", "b": f"y:{side}"}) == f"- b: y:1 -> y:{side}"


def test_a_message_is_never_empty_and_holds_nothing_that_git_cannot_be_given() -> None:
    words = {"application": "shop", "release": "a-1", "side": "green", "by": "ana", "link": ""}
    spec = SPEC.model_copy(update={"message": "{link}"})
    assert commit_message(spec, FLIP, **words) == "flip: shop a-1, green\n"
    said = commit_message(SPEC, FLIP, **words, details="why\0 \x1b[1m")
    assert "\0" not in said
    assert "\x1b" not in said

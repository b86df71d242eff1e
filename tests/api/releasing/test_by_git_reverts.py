"""A release that failed, whose commit is taken back: when, by what, and what is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from flipgate.adapters.git_copy import Checkout
from flipgate.adapters.store import Store
from flipgate.core.git.message import DEPLOY
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState
from flipgate.core.record.release import Commit, Release
from flipgate.core.spec.application import load_application
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.moving.git_revert import revert_failed
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.settle import failing
from lab.control.records import Lab
from tests.api.played import played
from tests.api.releasing import test_by_git
from tests.api.releasing.test_by_git_crashes import EDGES, dying
from tests.api.shop import GREEN, Shop, opened, timed_by_its_waiting
from tests.core.builders import LIVE, NOW, release
from tests.repository import Served, git, served

GIT = test_by_git.GIT.replace("timeoutSeconds: 30", "timeoutSeconds: 30, revertFailed: true")


class Team(test_by_git.Team):
    def __init__(self, shop: Shop, repository: Served) -> None:
        super().__init__(shop, repository)
        shop.application = load_application(shop.text + GIT.format(url=repository.url), "shop.yaml")
        self.said: list[str] = []

    def failed(self) -> World:
        """A release whose images nobody has applied."""
        world = timed_by_its_waiting(self.world())
        world.say = self.said.append
        release = opened(world, "2")
        with pytest.raises(Refused, match="taken back"), world.acting() as acting, failing(acting, release):
            bring_up(acting, release)
        assert world.store.read().phase is Phase.SETTLED
        return world


@pytest.fixture
def team(shop: Shop, tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setenv("FLIPGATE_KUSTOMIZE", str(lab.kubectl))
    with served(tmp_path) as repository:
        yield Team(shop, repository)


def test_the_images_are_what_they_were_by_one_commit(team: Team) -> None:
    before = team.repository.read(team.path("green"))
    world = team.failed()
    bad, end = team.repository.tip, "commonLabels: {team: shop}\n"
    team.repository.pushes({team.path("green"): team.repository.read(team.path("green")) + end}, "Labels")
    revert_failed(world)
    last = world.store.read().last
    assert last is not None
    assert team.repository.read(team.path("green")) == before + end
    message = git(team.repository.bare, "log", "-1", "--format=%B", "main")
    assert message.startswith(f"revert: {world.application.name} {last.name}, green")
    assert f"Takes back commit {bad[:12]}" in message
    assert [each.what for each in last.commits] == ["deploy", "revert"]
    assert any(f"commit {bad[:12]} is taken back by commit {team.repository.tip[:12]}" in each for each in team.said)
    count = len(team.repository.log())
    epoch = world.store.read().epoch
    revert_failed(world)
    assert (len(team.repository.log()), world.store.read().epoch) == (count, epoch), "nothing is left to do"


def test_what_somebody_has_changed_since_is_left_and_that_is_said_once(team: Team) -> None:
    world = team.failed()
    bad = team.repository.tip
    text = team.repository.read(team.path("green")).replace('"2" # set', '"3" # set')
    team.repository.pushes({team.path("green"): text})
    revert_failed(world)
    revert_failed(world)
    assert team.repository.read(team.path("green")) == text
    assert len([each for each in team.said if f"commit {bad[:12]} is left" in each]) == 1
    assert world.store.read().open_entry is None


def test_a_commit_that_somebody_has_amended_is_not_flipgates_to_take_back(team: Team) -> None:
    world = team.failed()
    tip = team.repository.amends("main", {"notes": "by somebody else\n"})
    world.store.update(lambda record: but(record, last=last_with(record.last, tip)))
    revert_failed(world)
    assert team.repository.tip == tip
    assert any(f"commit {tip[:12]} is left: it is not flipgate's" in each for each in team.said)


def last_with(release: Release | None, commit: str) -> Release:
    """The release, whose images that commit has set: as a deploy that was begun again notes it."""
    assert release is not None
    return release.committed(DEPLOY, commit, NOW)


def test_a_side_that_is_kept_for_a_look_keeps_its_images_until_it_rests(team: Team) -> None:
    world = team.failed()
    team.shop.scaled(GREEN, "web", 1)
    count = len(team.repository.log())
    revert_failed(world)
    assert len(team.repository.log()) == count
    team.shop.scaled(GREEN, "web", 0)
    revert_failed(world)
    assert len(team.repository.log()) == count + 1


def test_a_server_that_is_away_is_asked_again(team: Team) -> None:
    world, count = team.failed(), len(team.repository.log())
    with team.repository.away("503"):
        revert_failed(world)
    assert world.store.read().open_entry is None
    revert_failed(world)
    assert len(team.repository.log()) == count + 1


def test_a_remote_base_that_is_away_is_asked_again(team: Team) -> None:
    world, answers = team.failed(), [503]
    bad, path = team.repository.tip, team.path("green")
    with remote_base(answers) as url:
        base = f"resources: [../../base, {url}]"
        team.repository.pushes({path: team.repository.read(path).replace("resources: [../../base]", base)})
        count = len(team.repository.log())
        revert_failed(world)
        assert world.store.read().open_entry is None
        assert not any("is left" in each for each in team.said)
        assert any("does not render now" in each for each in team.said)
        answers[:] = [200]
        revert_failed(world)
    assert len(team.repository.log()) == count + 1
    assert any(f"commit {bad[:12]} is taken back" in each for each in team.said)


@contextmanager
def remote_base(answers: list[int]) -> Iterator[str]:
    """A server of one file that an overlay names by its address; it answers with this code."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers[0])
            self.end_headers()
            self.wfile.write(b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/more.yaml"
    finally:
        server.shutdown()
        server.server_close()


def test_a_disk_that_is_full_leaves_nothing_open(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    world, count = team.failed(), len(team.repository.log())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Checkout, "write", full)
        revert_failed(world)
        assert world.store.read().open_entry is None
        assert any("No space left" in each for each in team.said)
    revert_failed(world)
    assert len(team.repository.log()) == count + 1


@pytest.mark.xdist_group("prefect")
def test_what_users_had_is_left_as_it_was(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old build, deployed again, that fails: the commit that its overlay has is of the release that went well."""
    world, count = team.failed(), len(team.repository.log())
    went_well = release(*LIVE, commits=(Commit(what="deploy", commit=team.repository.tip, at=NOW),))
    monkeypatch.setattr(Store, "history", lambda _: [went_well])
    revert_failed(world)
    revert_failed(world)
    assert len(team.repository.log()) == count
    assert len([each for each in team.said if f"is left: it is of release {went_well.name}, which users" in each]) == 1


def test_it_is_reconcile_that_does_it(team: Team) -> None:
    world, count = team.failed(), len(team.repository.log())
    with played(world) as flows:
        flows.reconcile(world, "default")
    assert len(team.repository.log()) == count + 1


def test_others_who_push_first_are_kept(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    world, push, first = team.failed(), Checkout.push, []

    def late(copy: Checkout) -> None:
        if not first:
            first.append(team.repository.pushes({"notes": "by somebody else\n"}))
        push(copy)

    monkeypatch.setattr(Checkout, "push", late)
    revert_failed(world)
    assert team.repository.log()[:2] == [team.repository.log()[0], "By hand"]
    assert team.repository.log()[0].startswith("revert: ")


@pytest.mark.parametrize("where", EDGES)
def test_who_died_around_it_is_followed_by_reconcile(team: Team, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    before = team.repository.read(team.path("green"))
    world, count = team.failed(), len(team.repository.log())
    dying(monkeypatch, where, lambda: revert_failed(world))
    entry = world.store.read().open_entry
    assert entry is not None
    assert entry.step == "RevertImages"
    recover(world)
    revert_failed(world)
    assert team.repository.read(team.path("green")) == before
    assert len(team.repository.log()) == count + 1
    assert world.store.read().journal[-1].state is EntryState.DONE


def test_users_who_were_sent_to_that_side_keep_their_images(team: Team) -> None:
    world, count = team.failed(), len(team.repository.log())
    team.shop.patch(
        team.shop.route_path(), ("replace", "/spec/routes/0/services/0/namespace", f"{team.shop.name}-green")
    )
    revert_failed(world)
    assert len(team.repository.log()) == count

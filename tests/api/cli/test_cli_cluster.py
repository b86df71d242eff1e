"""The command line against a real API server: what it writes, what it refuses, and what it says of either."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from flipgate.adapters.cluster import Cluster
from flipgate.core.record.merge_request import MergeRequest
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Decision
from flipgate.core.spec.application import load_application
from flipgate.core.values.sides import Side
from lab.control.records import Lab
from tests.api.desk import DARK, DEPLOYING, LIVE, Desk, now, question, release
from tests.api.front import fronted
from tests.api.shop import Shop
from tests.api.wire import serving
from tests.core.builders import approval

pytestmark = pytest.mark.api


@pytest.fixture
def desk(shop: Shop, tmp_path: Path) -> Desk:
    """A shop that is applied, and not adopted."""
    return Desk(shop, tmp_path)


@pytest.fixture
def paper(cluster: Cluster, lab: Lab, tmp_path: Path) -> Desk:
    """The same of a shop whose sides and routes nobody looks at."""
    return Desk(Shop.applied(cluster, lab.kubeconfig), tmp_path)


@pytest.fixture
def no_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked of Prefect fails the test: a refusal must come before that."""

    def asked(*args: object, **kwargs: object) -> None:
        raise AssertionError(f"Prefect was asked: {args} {kwargs}")

    monkeypatch.setattr("flipgate.adapters.runs.start", asked)
    monkeypatch.setattr("flipgate.adapters.runs.ring", asked)


# Setting up


def test_check_says_what_is_missing_one_line_each(desk: Desk, tmp_path: Path) -> None:
    with serving(fronted(desk.shop), tmp_path):
        through = ["--kubeconfig", str(tmp_path / "wire.kubeconfig")]
        said = desk.run("check", "-f", str(desk.file), *through).stdout
    assert said == f"ok: {desk.name}, 2 services, 1 route\n"

    desk.shop.cluster.delete(f"{desk.shop.deployments(Side.GREEN)}/web")
    desk.shop.cluster.delete(desk.shop.route_path())
    result = desk.run("check", "-f", str(desk.file))

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"IngressRoute {desk.shop.own}/live is missing; each route must point wholly at one side",
        f"namespace {desk.name}-green (green) lacks the Deployments web",
    ]
    assert result.stderr == f"error: 2 problems with {desk.name} on this cluster\n"


def test_apply_writes_the_file_as_it_is_and_nothing_in_a_dry_run_or_for_sides_not_there(desk: Desk) -> None:
    line = ["apply", "-f", str(desk.file)]
    desk.forget("application")

    assert f"application-{desk.name} would be created" in desk.run(*line, "--dry-run").stdout
    assert desk.refused("status", desk.name) == "NotFound"
    assert desk.run(*line).stdout == f"application {desk.name} applied (namespace {desk.shop.own})\n"
    stored = desk.shop.cluster.get(f"{desk.shop.config_maps}/application-{desk.name}")
    assert stored["data"]["application.yaml"] == desk.shop.text
    assert "is as the file says already" in desk.run(*line, "--dry-run").stdout

    desk.file.write_text(desk.shop.text.replace("-green", "-gren"))
    for more in ([], ["--dry-run"]):
        result = desk.run(*line, *more)
        assert result.exit_code == 1
        assert result.stderr.startswith(
            f"error: namespace {desk.name}-gren (green): does not exist. Left untouched: the cluster"
        )


def test_adopting_twice_changes_nothing(desk: Desk) -> None:
    watched = desk.run("status", desk.name, "--watch", "--timeout", "0")
    first = desk.run("adopt", desk.name)
    before = desk.store.read()
    second = desk.run("adopt", desk.name)

    assert watched.exit_code == 0, "it looks until its time is over"
    assert "unmanaged" in watched.stdout
    assert first.stdout == f"application {desk.name} adopted: blue is active, green is dark\n"
    assert "is managed already" in second.stdout
    assert desk.store.read() == before


def test_what_runs_is_adopted_and_a_first_release_is_begun_and_each_says_which(desk: Desk) -> None:
    assert desk.refused("init", desk.name) == "AlreadyRuns"
    desk.shop.play_ready(Side.BLUE, ready=0)
    assert desk.refused("adopt", desk.name) == "NothingRuns"
    begun, again = desk.data("init", desk.name), desk.data("adopt", desk.name)
    assert begun == {**again, "changed": True}
    assert (begun["active"], begun["dark"], again["changed"]) == ("blue", "green", False)
    assert "is managed already" in desk.run("init", desk.name).stdout


# Looking


def test_status_of_all_and_of_one_and_a_route_moved_by_hand_is_drift(desk: Desk) -> None:
    desk.remember(release=release(*DARK), question=question())
    everything = desk.data("status")["applications"]
    one = desk.data("status", desk.name)

    assert [each["application"] for each in everything] == [desk.name]
    assert (one["phase"], one["activeByRoutes"], one["waitsFor"]["state"]) == ("dark", "blue", "open")
    assert one["sides"]["blue"]["services"][0] == {
        "name": "web",
        "role": "serving",
        "found": True,
        "ready": 2,
        "wanted": 2,
        "image": "shop/web:1",
        "suspended": None,
        "consumes": None,
    }
    assert (one["activeByTraffic"], one["traffic"][0]["replica"], one["problems"]) == (None, None, [])
    assert [(each["type"], each["status"]) for each in one["conditions"]] == [
        ("Drifted", "False"),
        ("LiveSideReady", "True"),
        ("Unwatched", "False"),
    ]
    shown = desk.run("status", desk.name)
    assert shown.exit_code == 0, "who cannot see through Traefik has seen the cluster all the same"
    assert "Traffic     unknown: no running pod matches" in shown.stdout
    assert "Send all users to green?" in shown.stdout
    assert yaml.safe_load(desk.run("status", desk.name, "-o", "yaml").stdout)["phase"] == "dark"

    desk.shop.point("live", f"{desk.name}-green")
    assert desk.data("status", desk.name)["drift"].startswith(
        f"the routes say green (IngressRoute {desk.shop.own}/live -> green); the record says blue; written by "
    )


def test_a_record_that_cannot_be_read_hides_neither_routes_nor_sides(desk: Desk) -> None:
    desk.remember()
    for text in ("garbage", '{"schema": 99}', '{"schema": 1}'):
        desk.shop.write_record(text)
        result = desk.run("status", desk.name, "-o", "json")
        told = json.loads(result.stdout)
        assert result.exit_code == 1, text
        assert (told["phase"], told["managed"], told["activeByRoutes"]) == ("unknown", None, "blue"), text
        assert [problem["of"] for problem in told["problems"]] == ["record"], text
        assert told["sides"]["green"]["services"], text


def test_history_is_newest_first(paper: Desk) -> None:
    assert paper.data("history", paper.name)["releases"] == []
    paper.store.write_history(release(Phase.DEPLOYING, Phase.SUPERSEDED, id="0ld"))
    paper.store.write_history(release(*DEPLOYING, Phase.FAILED, attempt=2))
    told = paper.data("history", paper.name)["releases"]

    assert [(each["name"], each["phase"]) for each in told] == [("3f2a9c01d4e8-2", "failed"), ("0ld-1", "superseded")]
    assert "3f2a9c01d4e8-2  green" in paper.run("history", paper.name).stdout


def test_history_names_what_it_leaves_out(paper: Desk) -> None:
    labels = {"flipgate.dev/application": paper.name, "flipgate.dev/kind": "release"}
    meta = {"name": f"release-{paper.name}-0ld-1", "labels": labels}
    paper.shop.cluster.create(paper.shop.config_maps, {"metadata": meta, "data": {"release.json": "{"}})
    paper.store.write_history(release(Phase.DEPLOYING, Phase.SUPERSEDED))
    (problem,) = paper.data("history", paper.name)["problems"]
    result = paper.run("history", paper.name)

    assert problem["of"] == f"release in ConfigMap {paper.shop.own}/{meta['name']}"
    assert problem["fact"].startswith("cannot be read: ")
    assert "3f2a9c01d4e8-1  green" in result.stdout
    assert f"left out: {problem['of']}" in result.stderr


# Starting runs: refused before Prefect is asked


@pytest.mark.usefixtures("no_prefect")
def test_nothing_is_started_for_what_is_not_managed(paper: Desk) -> None:
    for line in (["deploy", paper.name, "--image", "web=shop/web:2"], ["flip", paper.name], ["scale-down", paper.name]):
        assert paper.refused(*line) == "NotFound"


@pytest.mark.usefixtures("no_prefect")
def test_an_unknown_service_is_told_before_anything_is_started(paper: Desk) -> None:
    result = paper.run("deploy", paper.name, "--image", "wbe=shop/web:2")

    assert result.exit_code == 2
    assert 'unknown service "wbe"; did you mean "web"?' in result.stderr


@pytest.mark.usefixtures("no_prefect")
def test_each_run_has_its_phase(paper: Desk) -> None:
    paper.remember(release=release(*LIVE, settle_after=now() + timedelta(hours=1)), active=Side.GREEN)

    assert paper.refused("flip", paper.name) == "WrongPhase"
    assert paper.refused("scale-down", paper.name) == "StillSoaking"
    result = paper.run("deploy", paper.name, "--image", "web=shop/web:3")
    assert "Waits: release 3f2a9c01d4e8-1 is `live` since" in result.stderr, "and the build is queued by its run"
    assert f"Next: flipgate scale-down {paper.name}, when it has soaked" in result.stderr


def test_a_decision_needs_a_question_that_is_open(paper: Desk) -> None:
    paper.remember()
    assert paper.refused("approve", paper.name, "--reason", "fine") == "NoQuestion"

    paper.forget()
    paper.remember(release=release(*DARK), question=question(expires_at=now() - timedelta(seconds=1)))
    assert paper.refused("approve", paper.name, "--reason", "fine") == "ApprovalExpired"

    paper.forget()
    answered = approval(question="flip-1", basis="b", decision=Decision.REJECT, at=now())
    paper.remember(release=release(*DARK), question=question(), approval=answered)
    assert paper.refused("approve", paper.name, "--reason", "fine") == "AlreadyAnswered"


@pytest.mark.parametrize("verb", ["approve", "reject"])
@pytest.mark.usefixtures("no_prefect")
def test_a_decision_is_in_the_record_with_who_and_why(paper: Desk, verb: str) -> None:
    paper.remember(release=release(*DARK), question=question())
    result = paper.run(verb, paper.name, "--reason", " orders quiet ")
    given = paper.store.read().approval

    assert result.exit_code == 0
    assert given is not None
    assert (given.decision, given.via, given.reason) == (verb, "cli", "orders quiet")
    assert "@" in given.by
    assert "/" not in given.by
    assert result.stderr.startswith("note: the decision is recorded. No run was waiting for it")


@pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds
def test_a_doorbell_that_fails_takes_nothing_from_the_decision(paper: Desk) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    paper.remember(release=release(*DARK), question=question(flow_run=str(uuid4())))
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        done = paper.run("approve", paper.name, "--reason", "fine")
    given = paper.store.read().approval

    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("approved by ")
    assert done.stderr.startswith("note: the decision is recorded. The waiting run was not told")
    assert given is not None
    assert given.decision is Decision.APPROVE


# Going back


def test_rolling_back_sends_the_route_back_and_says_how(desk: Desk) -> None:
    desk.shop.point("live", f"{desk.name}-green")
    desk.remember(release=release(*LIVE), active=Side.GREEN)
    with desk.shop.playing_ready():
        result = desk.run("rollback", desk.name, "--reason", "orders fail", "-o", "json")
    told = json.loads(result.stdout)

    assert result.exit_code == 0, result.stderr
    assert (told["way"], told["to"], told["recorded"]) == ("fast", "blue", True)
    assert any(note.startswith("not proven") for note in told["notes"])
    assert desk.shop.where() == ("blue",)
    assert desk.data("status", desk.name)["phase"] == "rolled_back"


@pytest.mark.parametrize("merged", [True, False])
def test_rolling_back_says_what_a_person_does_about_the_merge_request(desk: Desk, merged: bool) -> None:
    git = "  git: {repository: 'https://git.example/a.git', routes: [a.yaml], request: {command: [open]}}\n"
    desk.shop.application = load_application(desk.shop.text + git, "shop.yaml")
    desk.store.write_application(desk.shop.text + git)
    desk.shop.point("live", f"{desk.name}-green")
    asked = MergeRequest(branch="flipgate/shop/green", to=Side.GREEN, at=now(), commit="0" * 40)
    desk.remember(release=release(*LIVE), active=Side.GREEN, merge_request=None if merged else asked)
    with desk.shop.playing_ready():
        result = desk.run("rollback", desk.name, "--reason", "orders fail")
    assert result.exit_code == 0, result.stderr
    said = "which a person has to merge" if merged else "Git: do not merge the request of branch flipgate/shop/green"
    assert said in result.stdout + result.stderr
    assert "pushed" not in result.stdout + result.stderr


def test_rolling_back_what_users_have_not_seen_ends_it(desk: Desk) -> None:
    desk.remember(release=release(*DARK), question=question())
    result = desk.run("rollback", desk.name, "--reason", "changed my mind")

    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"release of {desk.name} ended (abort) in ")
    assert desk.store.history()[0].phase is Phase.ABORTED


def test_a_contract_migration_is_told_once_and_shown(desk: Desk) -> None:
    carried = Occupant(release="0ld-1", images={"web": "shop/web:1"}, since=now())
    desk.remember(release=release(*LIVE), active=Side.GREEN, sides={Side.BLUE: carried, Side.GREEN: carried})
    told = desk.data("contract", desk.name, "--reason", "legacy_id is gone")
    again = desk.run("contract", desk.name, "--reason", "and more")
    ready = desk.data("status", desk.name)["conditions"][0]

    assert {**told, "by": "", "at": ""} == {
        "application": desk.name,
        "side": "blue",
        "release": "0ld-1",
        "reason": "legacy_id is gone",
        "by": "",
        "at": "",
        "changed": True,
    }
    assert again.exit_code == 0
    assert "was closed already" in again.stdout
    assert (ready["type"], ready["reason"], ready["since"]) == ("WayBackReady", "ContractMigrationDone", told["at"])
    assert "Way back    closed: blue runs code from before" in desk.run("status", desk.name).stdout


def test_nothing_is_closed_for_a_release_that_nobody_has_seen(paper: Desk) -> None:
    paper.remember(release=release(*DARK))

    assert paper.refused("contract", paper.name, "--reason", "too early") == "NothingToClose"


def test_with_nothing_to_go_back_from_rolling_back_says_what_to_type(
    desk: Desk,
) -> None:
    desk.remember()
    result = desk.run("rollback", desk.name, "--reason", "nerves")

    assert result.exit_code == 1
    assert "there is nothing to go back from" in result.stderr
    assert "--to SIDE" in result.stderr

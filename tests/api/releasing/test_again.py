"""A tag that was pushed again with other content: a release, where somebody says so, whose pods are made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from flipgate.core.record.phases import Phase, QuestionKind, Reason
from flipgate.core.record.queue import waits_for
from flipgate.core.record.release import Release, again_mark
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP
from flipgate.core.workloads.view import AGAIN
from flipgate.steps.acting.outbox import advance
from flipgate.steps.acting.world import World
from flipgate.steps.looking.content import content_evidence
from flipgate.steps.looking.look import look
from flipgate.steps.releasing.bring_up import bring_up, open_release
from flipgate.steps.releasing.foresee import foresee
from flipgate.steps.releasing.questions import basis, pose
from flipgate.steps.releasing.queue import join_builds, release_or_queue
from tests.api.desk import Desk
from tests.api.played import played, prefect_played
from tests.api.shop import BLUE, GREEN, Shop, advanced, opened, under_lease
from tests.api.steps import refusing, users_complain

WEB = {"web": "shop/web:1"}
"""What is live."""
FIRST, SECOND = again_mark("build 7"), again_mark("build 8")


def again(world: World, mark: str = FIRST) -> Release:
    return open_release(world, WEB, "ci", mark)


def mark(shop: Shop, side: Side, name: str = "web") -> str | None:
    annotations = shop.deployment(side, name)["spec"]["template"]["metadata"].get("annotations") or {}
    found: str | None = annotations.get(AGAIN)
    return found


def run_pods(shop: Shop, side: Side, image_id: str, name: str = "web") -> None:
    """One pod of a side, which says what content it runs."""
    pods = f"/api/v1/namespaces/{shop.namespace(side)}/pods"
    spec = {"containers": [{"name": name, "image": f"shop/{name}:1"}]}
    shop.cluster.create(pods, {"metadata": {"name": f"{name}-0", "labels": {"app": name}}, "spec": spec})
    running = {"name": name, "image": f"shop/{name}:1", "imageID": image_id, "ready": True, "restartCount": 0}
    shop.cluster.merge(f"{pods}/{name}-0/status", {"status": {"containerStatuses": [running]}})


def gone_live(shop: Shop, world: World, release: Release) -> None:
    """The release taken to live on green, as the pipelines leave it."""
    pods = {"metadata": {"annotations": {AGAIN: release.again["web"]}}}
    shop.scaled(GREEN, "web", 2, {STAMP: "1.made"}, template=pods)
    advanced(world, release, Phase.LIVE)
    shop.point("live", shop.namespace(GREEN))
    world.store.update(lambda record: record.model_copy(update={"active": GREEN}))


def test_what_is_live_is_refused_with_the_way_to_release_it_all_the_same(world: World) -> None:
    with refusing("AlreadyLive", "live on blue already") as refused:
        opened(world, "1")
    command = f"flipgate deploy {world.application.name} --image web=shop/web:1 --again"
    assert refused.value.next_command == f"{command}, where a tag was pushed anew"
    assert command in foresee(world, WEB).outcome


def test_with_a_digest_there_is_no_other_content(shop: Shop, world: World) -> None:
    digest = f"shop/web:1@sha256:{'a' * 64}"
    pods = {"containers": [{"name": "web", "image": digest}]}
    for side in Side:
        shop.cluster.merge(f"{shop.deployments(side)}/web", {"spec": {"template": {"spec": pods}}})
    with refusing("AlreadyLive") as refused:
        open_release(world, {"web": digest}, "ci")
    assert "--again" not in str(refused.value)


def test_it_is_a_release_of_its_own_whose_pods_are_made_anew(shop: Shop, world: World) -> None:
    plan, blue = foresee(world, WEB, FIRST), shop.version(f"{shop.deployments(BLUE)}/web")
    release = again(world)
    assert (plan.release, plan.objects) == (release.id, (f"Deployment {shop.namespace(GREEN)}/web",))
    assert release.changes[-1].message == "by ci; with other content under the same name: web"
    assert again(world) == release, "told twice it is one release"
    under_lease(world, bring_up, release)
    assert (mark(shop, GREEN), mark(shop, GREEN, "mailer"), mark(shop, BLUE)) == (FIRST, None, None)
    assert shop.version(f"{shop.deployments(BLUE)}/web") == blue
    assert open_release(world, WEB, "reconcile") == release, "who goes on with it says no word"
    second = again(world, SECOND)
    assert second.id != release.id
    under_lease(world, bring_up, second)
    assert mark(shop, GREEN) == SECOND, "said once more they are made anew once more"


def test_pods_are_told_to_start_anew_whatever_else_stands_on_their_template(shop: Shop, world: World) -> None:
    part = {"metadata": {"annotations": {"example.com/kept": "yes"}}}
    shop.cluster.merge(f"{shop.deployments(GREEN)}/web", {"spec": {"template": part}})
    under_lease(world, bring_up, again(world))
    found = shop.deployment(GREEN, "web")["spec"]["template"]["metadata"]["annotations"]
    assert found == {"example.com/kept": "yes", AGAIN: FIRST}


def test_the_question_says_what_the_pods_run_and_the_mark_is_no_part_of_a_yes(shop: Shop, world: World) -> None:
    release = again(world)
    before = basis(world, look(world), release, QuestionKind.FLIP)
    under_lease(world, bring_up, release)
    assert basis(world, look(world), release, QuestionKind.FLIP) == before
    advanced(world, release, Phase.DARK)
    (unknown,) = content_evidence(world, release)
    assert unknown.answer.endswith("no pod of green says what it runs")
    run_pods(shop, BLUE, f"docker.io/shop/web@sha256:{'a' * 64}")
    run_pods(shop, GREEN, f"sha256:{'a' * 64}")
    (same,) = content_evidence(world, release)
    assert same.verdict == "info"
    assert same.answer.startswith(f"same content as what is live (sha256:{'a' * 12}). Deployment")
    assert (
        "pulls shop/web:1 only where a node has none of that name: imagePullPolicy of web (IfNotPresent)" in same.answer
    )
    path = f"/api/v1/namespaces/{shop.namespace(GREEN)}/pods/web-0/status"
    shop.patch(path, ("replace", "/status/containerStatuses/0/imageID", f"shop/web@sha256:{'b' * 64}"))
    (other,) = content_evidence(world, release)
    assert other.answer == (f"other content than what is live: sha256:{'b' * 12}, blue runs sha256:{'a' * 12}")
    asked = pose(world, QuestionKind.FLIP, [other])
    assert asked.changes == ("web: shop/web:1 again, which is said to have other content by now",)


def test_a_pull_policy_that_pulls_no_tag_twice_is_said_before(shop: Shop, world: World) -> None:
    said: list[str] = []
    world.say = said.append
    (note,) = foresee(world, WEB, FIRST).notes
    assert note == (
        f"Deployment {shop.namespace(GREEN)}/web pulls shop/web:1 only where a node has none of that name: "
        "imagePullPolicy of web (IfNotPresent). Set it to Always, or name the digest: --image web=shop/web@sha256:..."
    )
    under_lease(world, bring_up, again(world))
    assert note in said
    policy = "/spec/template/spec/containers/0/imagePullPolicy"
    shop.patch(f"{shop.deployments(GREEN)}/web", ("replace", policy, "Always"))
    assert foresee(world, WEB, SECOND).notes == ()


def test_a_newer_build_goes_on_with_it(shop: Shop, world: World) -> None:
    again(world)
    newer = open_release(world, {"mailer": "shop/mailer:2"}, "ci")
    assert newer.again == {"web": FIRST}
    under_lease(world, bring_up, newer)
    assert mark(shop, GREEN) == FIRST
    other = open_release(world, {"web": "shop/web:2"}, "ci")
    assert other.again == {}, "another image needs no mark"


def test_once_live_it_is_live_and_the_next_release_keeps_its_content(shop: Shop, world: World) -> None:
    release = again(world)
    gone_live(shop, world, release)
    advance(world, release.name, Phase.SETTLING, Reason.SETTLE_APPROVED)
    advance(world, release.name, Phase.SETTLED, Reason.OLD_SIDE_AT_REST)
    for word in ("", FIRST):
        with refusing("AlreadyLive", "live on green already"):
            open_release(world, WEB, "ci", word)
    following = open_release(world, {"mailer": "shop/mailer:2"}, "ci")
    assert (following.side, following.again) == (BLUE, {"web": FIRST})
    assert following.changes[-1].message == "by ci", "nothing of it is new"
    under_lease(world, bring_up, following)
    assert mark(shop, BLUE) == FIRST, "pods of the older content that were left on blue are made anew"


def test_one_that_comes_while_users_are_on_a_release_waits_and_is_told_twice_as_once(shop: Shop) -> None:
    world = shop.gone_live()
    live = {"web": "shop/web:2"}
    assert release_or_queue(world, live, "ci", FIRST) is None
    assert release_or_queue(world, live, "ci", FIRST) is None
    assert release_or_queue(world, live, "ci") is None, "the same image without a word takes nothing out of the queue"
    assert world.store.read().queued["web"].again == FIRST
    busy = waits_for(world.store.read())
    assert busy
    for phase, reason in ((Phase.SETTLING, Reason.SETTLE_APPROVED), (Phase.SETTLED, Reason.OLD_SIDE_AT_REST)):
        advance(world, busy.name, phase, reason)
    release = release_or_queue(world, {}, "ci")
    assert release
    assert (release.again, release.images["web"]) == ({"web": FIRST}, "shop/web:2")
    assert world.store.read().queued == {}


def test_builds_that_are_joined_keep_their_word(world: World) -> None:
    world.sleep = lambda seconds: None
    assert join_builds(world, WEB, "ci", FIRST) == {}
    assert open_release(world, {}, "ci").again == {"web": FIRST}


@pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds
def test_an_event_that_says_so_releases_it_and_told_twice_it_is_one_release(world: World, tmp_path: Path) -> None:
    name, event = world.application.name, "6f1c5f8e-7f0a-4c56-9f0e-0d5f1f0d9a11"
    payload = {"application": name, "images": WEB, "again": True}
    with prefect_played(tmp_path / "prefect") as prefect, played(world) as flows:
        for _ in range(2):
            flows.build_completed(f"flipgate.application.{name}", payload, event)
        (run,) = prefect.of("deploy-dark")
        assert run["parameters"]["again"] == event
        flows.build_completed(f"flipgate.application.{name}", {**payload, "again": False}, f"{event[:-1]}2")
        assert "again" not in prefect.runs[-1]["parameters"]
    assert open_release(world, WEB, "ci", again_mark(event)).again == {"web": again_mark(event)}


def test_going_back_the_slow_way_says_what_is_pulled_anew(shop: Shop, world: World) -> None:
    gone_live(shop, world, again(world))
    told = pose(world, QuestionKind.SCALE_DOWN, []).summary
    assert told.endswith(
        "is slow after that. Pods that blue starts then pull their tags anew, and may get what green runs, not what "
        "they ran: web (shop/web:1)."
    )
    shop.scaled(BLUE, "web", 0)
    slow = users_complain(shop, shop.play_all_ready)
    assert slow.way == "slow"
    assert slow.notes[0].startswith("Pods that blue starts then pull their tags anew")


def test_after_it_went_back_the_next_release_says_that_its_tag_has_that_content_still(shop: Shop, world: World) -> None:
    gone_live(shop, world, again(world))
    fast = users_complain(shop, shop.play_all_ready)
    assert fast.way == "fast"
    assert not any("anew" in note for note in fast.notes), "pods that run keep what they have"
    following = open_release(world, {"mailer": "shop/mailer:2"}, "ci")
    assert (following.side, following.again) == (GREEN, {})
    under_lease(world, bring_up, following)
    advanced(world, following, Phase.DARK)
    assert (
        "web: shop/web:1 again, which is said to have other content by now"
        in pose(world, QuestionKind.FLIP, content_evidence(world, following)).changes
    )
    (evidence,) = content_evidence(world, following)
    assert evidence.gate == "content of web"


def test_by_the_command_line(shop: Shop, world: World, tmp_path: Path) -> None:
    desk = Desk(shop, tmp_path)
    plan = ("deploy", shop.name, "--image", "web=shop/web:1", "--dry-run")
    assert desk.data(*plan)["outcome"].startswith("nothing: blue has")
    data = desk.data(*plan, "--again")
    assert data["outcome"] == f"opens release {data['release']} on green"
    assert "imagePullPolicy" in desk.run(*plan, "--again").stdout
    with pytest.raises(Refused):
        opened(world, "1")

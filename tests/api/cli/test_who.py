"""Who is at the keyboard: the API server says it, else it is a claim; and what a policy makes of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.cluster import SELF_SUBJECT_REVIEWS, Cluster
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Approval
from flipgate.core.record.who_may import WhoMay
from flipgate.core.spec.policy import Approver
from flipgate.core.values.who import Identity
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.who import ASKED_SECONDS, approver_problems, speaker
from lab.control.records import Lab
from tests.api.desk import DARK, Desk, question, release
from tests.api.shop import BLUE, Shop
from tests.api.users import user
from tests.api.wire import Answer, Through, serving, silence, within
from tests.core.builders import declaring

RBAC = "/apis/rbac.authorization.k8s.io/v1"
WRITES = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "create", "update", "patch"]}


def let_write(shop: Shop) -> None:
    """All accounts of the shop's own namespace may write its record."""
    meta = {"metadata": {"name": "records"}}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": [WRITES]} | meta
    of = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "records"}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group_of(shop)}]
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "roleRef": of, "subjects": subjects}
    shop.cluster.apply(f"{RBAC}/namespaces/{shop.own}/roles/records", role)
    shop.cluster.apply(f"{RBAC}/namespaces/{shop.own}/rolebindings/records", binding | meta)


def group_of(shop: Shop) -> str:
    return f"system:serviceaccounts:{shop.own}"


def login(shop: Shop, name: str) -> str:
    return f"system:serviceaccount:{shop.own}:{name}"


@pytest.fixture
def paper(cluster: Cluster, lab: Lab, tmp_path: Path) -> Desk:
    return Desk(Shop.applied(cluster, lab.kubeconfig), tmp_path)


def asked(paper: Desk, may: WhoMay | None = None) -> None:
    paper.remember(release=release(*DARK), question=question(who_may=may))


def given(paper: Desk) -> Approval | None:
    return paper.store.read().approval


def types(paper: Desk, folder: Path, name: str) -> Callable[..., Any]:
    """Somebody at the command line, with a login of their own."""
    let_write(paper.shop)
    user(paper.shop, folder, name)
    paper.where = ["--kubeconfig", str(folder / f"{name}.kubeconfig"), "-n", paper.shop.own]
    return paper.run


@pytest.fixture
def of_old(paper: Desk, tmp_path: Path) -> Iterator[Desk]:
    """The desk at an API server that is older than Kubernetes 1.28."""

    def older(_method: str, path: str) -> Answer | None:
        return (404, b'{"message": "the server could not find the requested resource"}') if is_review(path) else None

    through = Through(paper.shop.kubeconfig, before=older)
    with serving(through, tmp_path):
        paper.where = ["--kubeconfig", str(tmp_path / "wire.kubeconfig"), "-n", paper.shop.own]
        yield paper


def is_review(path: str) -> bool:
    return path.startswith(SELF_SUBJECT_REVIEWS)


# The name


def test_who_approves_is_called_as_the_cluster_knows_their_login(
    paper: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "the-boss")
    asked(paper)
    said = types(paper, tmp_path, "ana")("approve", paper.name, "--reason", "looks good")
    who, approval = login(paper.shop, "ana"), given(paper)
    assert said.stdout.startswith(f"approved by {who}, says the-boss@"), said.output
    assert approval
    assert approval.by.startswith(f"{who}, says the-boss@")
    assert approval.by.endswith(" (self-declared)"), "of a login that many may hold"
    assert approval.identity == Identity(user=who, door="cluster identity")


def test_where_the_cluster_says_nothing_the_name_is_marked_as_a_claim(
    of_old: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "ana")
    asked(of_old)
    assert of_old.run("approve", of_old.name, "--reason", "looks good").exit_code == 0
    approval = given(of_old)
    assert approval
    assert (approval.by.startswith("ana@"), approval.by.endswith(" (self-declared)")) == (True, True)
    assert approval.identity is None


@pytest.mark.parametrize("answer", [(403, b"{}"), (500, b"{}"), (200, b"[]"), (201, b'{"status": {}}')])
def test_an_answer_that_names_nobody_leaves_the_claim(answer: Answer, tmp_path: Path) -> None:
    with serving(lambda _: answer, tmp_path) as cluster:
        assert speaker(cluster.reader(), "ana").name == "ana (self-declared)"


# The policy


def test_whom_the_policy_names_may_approve_and_nobody_else(paper: Desk, tmp_path: Path) -> None:
    asked(paper, WhoMay(users=(login(paper.shop, "ana"),)))
    ben = types(paper, tmp_path, "ben")
    assert paper.refused("approve", paper.name, "--reason", "fine") == "NotAnApprover"
    said = ben("approve", paper.name, "--reason", "fine")
    assert f"only user {login(paper.shop, 'ana')} may approve" in said.stderr
    assert given(paper) is None

    assert types(paper, tmp_path, "ana")("approve", paper.name, "--reason", "fine").exit_code == 0
    approval = given(paper)
    assert approval
    assert approval.identity == Identity(user=login(paper.shop, "ana"))


def test_so_may_all_of_a_group_by_the_groups_of_their_login(paper: Desk, tmp_path: Path) -> None:
    asked(paper, WhoMay(groups=("release-managers", group_of(paper.shop))))
    assert types(paper, tmp_path, "ben")("approve", paper.name, "--reason", "fine").exit_code == 0
    approval = given(paper)
    assert approval
    assert approval.identity == Identity(user=login(paper.shop, "ben"), group=group_of(paper.shop))


def test_a_claim_may_not_and_any_name_may_say_no(of_old: Desk) -> None:
    asked(of_old, WhoMay(users=("ana",)))
    assert of_old.refused("approve", of_old.name, "--reason", "fine") == "SelfDeclared"
    assert given(of_old) is None
    assert of_old.run("reject", of_old.name, "--reason", "not today").exit_code == 0
    approval = given(of_old)
    assert approval
    assert approval.decision == "reject"


def test_a_status_says_who_may(paper: Desk) -> None:
    paper = Desk(Shop.install(paper.shop.cluster, paper.shop.kubeconfig))
    asked(paper, WhoMay(users=("ana",), not_by="ci"))
    may = "only user ana may approve, and not ci, who opened the release"
    assert paper.data("status", paper.name)["waitsFor"]["whoMay"] == may
    assert may in paper.run("status", paper.name).stdout


# Checking


def test_check_names_a_policy_that_needs_what_the_api_server_does_not_serve(
    imagined: Shop, paper: Desk, tmp_path: Path
) -> None:
    def problems(cluster: Cluster, **policy: Any) -> list[str]:
        world = imagined.world("check", cluster)
        world.application = declaring(world.application, policy=policy)
        return [*approver_problems(world)]

    assert problems(paper.shop.cluster, two_persons=True) == []
    with serving(lambda _: (404, b'{"message": "not found"}'), tmp_path) as cluster:
        assert problems(cluster) == []
        (told,) = problems(cluster, two_persons=True)
    assert told.startswith("spec.policy.twoPersons needs logins that the API server names (Kubernetes 1.28 or newer):")


def test_check_names_a_policy_by_which_nobody_could_approve_in_slack(imagined: Shop) -> None:
    def problems(channel: str | None, **policy: Any) -> list[str]:
        world = imagined.world("check")
        world.application = declaring(world.application, policy=policy, announce={"slack_channel": channel})
        return [*approver_problems(world)]

    group, mapped = Approver(slack_group="S0123ABC"), Approver(user="ana", slack="U0123ABC")
    assert problems("#releases", approvers=(group,)) == []
    assert problems("#releases", approvers=(group, mapped), two_persons=True) == []
    (told,) = problems(None, approvers=(group,))
    assert told.endswith("and spec.announce.slackChannel no channel to ask them in")
    (told,) = problems("#releases", approvers=(group,), two_persons=True)
    assert "for of none the login is known" in told


# Going back


def test_users_who_go_back_wait_for_no_name(shop: Shop, live: World, tmp_path: Path) -> None:
    """It is asked for once the routes are back; whoever rolls back is noted by it then, and as a claim before that."""
    shop.play_all_ready()
    asked_when: list[tuple[str, ...]] = []

    def note(_method: str, path: str) -> Answer | None:
        if is_review(path):
            asked_when.append(shop.where())
        return None

    with serving(Through(shop.kubeconfig, before=note), tmp_path) as cluster:
        world = shop.world("ana", cluster)
        done = roll_back(world, "orders fail", by="x (self-declared)", name=lambda: speaker(world.cluster, "x").name)
    assert (done.to, shop.where(), asked_when) == (BLUE, ("blue",), [("blue",)])
    first, last = live.store.history()[0].changes[-2:]
    assert (first.phase, first.message) == (Phase.ROLLING_BACK, "x (self-declared): orders fail")
    assert last.message.startswith("admin, says x (self-declared): orders fail (")


def test_a_way_back_fails_by_no_name(shop: Shop, live: World, tmp_path: Path) -> None:
    shop.play_all_ready()

    def refuse(_method: str, path: str) -> Answer | None:
        return (500, b"{}") if is_review(path) else None

    with serving(Through(shop.kubeconfig, before=refuse), tmp_path):
        where = ["--kubeconfig", str(tmp_path / "wire.kubeconfig"), "-n", shop.own]
        done = Desk(shop)
        done.where = where
        said = done.data("rollback", shop.name, "--reason", "orders fail")
    assert (said["to"], said["recorded"]) == ("blue", True)
    assert "(self-declared): orders fail" in live.store.history()[0].changes[-1].message


def test_a_silent_api_server_is_waited_for_no_longer_than_a_name_is_worth(tmp_path: Path) -> None:
    with (
        silence() as silent,
        serving(silent, tmp_path) as cluster,
        within(ASKED_SECONDS + 1, ASKED_SECONDS - 0.5),
    ):
        assert speaker(cluster.reader(), "ana").caller is None

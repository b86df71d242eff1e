"""What flipgate's accounts may change of a workload, held by policies on the real API server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from flipgate.adapters.cluster import Cluster
from flipgate.cli import cli
from flipgate.core.rights.rules import rules_of
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import FlipgateError, PermanentError
from flipgate.core.values.stamps import STAMP
from flipgate.steps.releasing.setup import apply_application
from tests.api.accounts import acting_as, apply, printed, until_it_counts, whole_release, with_a_check
from tests.api.desk import Desk
from tests.api.played import prefect_played
from tests.api.shop import BLUE, GREEN, Shop
from tests.api.steps import Install
from tests.api.users import grant, user
from tests.repeating import until

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
TICK = "    - {name: tick, role: cron}\n"
PODS = "/spec/template"
JOBS = "/spec/jobTemplate/spec/template"


@contextmanager
def policies(shop: Shop, folder: Path, *more: str) -> Iterator[None]:
    """What the command prints (with `more` on its line), applied while the block runs."""
    path = folder / "shop.yaml"
    path.write_text(shop.text)
    told = CliRunner().invoke(
        cli, ["check", "-f", str(path), "--admission", "-n", shop.own, *more], prog_name="flipgate"
    )
    assert told.exit_code == 0, told.stderr
    made = []
    for obj in yaml.safe_load_all(told.stdout):
        name = obj["metadata"]["name"]
        bound = obj["kind"].endswith("Binding")
        plural = "validatingadmissionpolicybindings" if bound else "validatingadmissionpolicies"
        made.append(f"{ADMISSION}/{plural}/{name}")
        shop.cluster.apply(made[-1], obj)
    try:
        yield
    finally:
        for path_of in reversed(made):
            shop.cluster.delete(path_of)


def until_held(robot: Cluster, path: str) -> None:
    """An API server learns of a new policy a moment after it has stored it. What it took before is no change again."""
    numbers = itertools.count(20)
    held = lambda: denied(robot, path, ("add", "/spec/revisionHistoryLimit", next(numbers)))  # noqa: E731
    until(held, why="the policy does not hold")


def cron(shop: Shop, side: Any) -> str:
    return f"/apis/batch/v1/namespaces/{shop.namespace(side)}/cronjobs"


@pytest.fixture(scope="module")
def held(install: Install, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, Cluster]]:
    """A shop whose `web` has ten containers, with a CronJob, under the policies; and flipgate's account there."""
    folder = tmp_path_factory.mktemp("held")
    shop = install()
    shop.text += TICK
    shop.application = load_application(shop.text, "shop.yaml")
    some = [container(f"c{n}") for n in range(9)]
    for side in (BLUE, GREEN):
        path = f"{shop.deployments(side)}/web"
        for each in some:
            shop.patch(path, ("add", f"{PODS}/spec/containers/-", each))
        job = {"spec": {"restartPolicy": "Never", "containers": [container("tick")]}}
        spec = {"schedule": "@daily", "suspend": side is GREEN, "jobTemplate": {"spec": {"template": job}}}
        shop.cluster.create(cron(shop, side), {"metadata": {"name": "tick"}, "spec": spec})
    apply(shop, printed(shop, folder))
    robot = user(shop, folder, "flipgate")
    until_it_counts(shop, "flipgate", rules_of(shop.application, shop.own))
    with policies(shop, folder):
        until_held(robot, web(shop))
        yield shop, robot


def container(name: str) -> dict[str, Any]:
    many = [{"name": f"KEY_{n}", "value": "v" * 40} for n in range(30)]
    probe = {"httpGet": {"path": "/", "port": 80}}
    return {"name": name, "image": f"reg:5000/shop/{name}:1", "env": many, "readinessProbe": probe}


def web(shop: Shop, side: Any = GREEN) -> str:
    return f"{shop.deployments(side)}/web"


def denied(robot: Cluster, path: str, *operations: tuple[str, str, Any]) -> str:
    """Why the API server does not take it; empty where it does."""
    patch = [{"op": op, "path": pointer, "value": value} for op, pointer, value in operations]
    try:
        robot.patch(path, patch)
    except FlipgateError as error:
        return str(error)
    return ""


FOREIGN = [
    ("/spec/paused", True, "spec.paused"),
    ("/spec/minReadySeconds", 3, "spec.minReadySeconds"),
    ("/spec/strategy/type", "Recreate", "spec.strategy"),
    ("/spec/revisionHistoryLimit", 1, "spec.revisionHistoryLimit"),
    ("/metadata/labels/app", "other", "metadata.labels: app"),
    ("/metadata/annotations/x", "1", "metadata.annotations: x"),
    ("/metadata/finalizers", ["x.example/y"], "metadata.finalizers"),
    (f"{PODS}/metadata/annotations", {"x": "1"}, "annotations of the pod template: x"),
    (f"{PODS}/metadata/labels/more", "1", "labels of the pod template: more"),
    (f"{PODS}/spec/serviceAccountName", "admin", "spec of the pod template: "),
    (f"{PODS}/spec/hostNetwork", True, "spec of the pod template: hostNetwork"),
    (f"{PODS}/spec/volumes", [{"name": "v", "emptyDir": {}}], "spec of the pod template: volumes"),
    (f"{PODS}/spec/initContainers", [{"name": "i", "image": "x"}], "which containers there are"),
    (f"{PODS}/spec/containers/-", {"name": "evil", "image": "evil"}, "which containers there are"),
    (f"{PODS}/spec/containers/1/command", ["sh"], "in containers: c0.command"),
    (f"{PODS}/spec/containers/9/env/0/value", "x", "in containers: c8.env"),
    (f"{PODS}/spec/containers/9/securityContext", {"privileged": True}, "in containers: c8.securityContext"),
    (f"{PODS}/spec/containers/9/name", "d", "which containers there are"),
    (f"{PODS}/spec/containers/1/image", "reg:5000/evil/c0:1", "the repository of c0 to reg:5000/evil/c0:1"),
    (f"{PODS}/spec/containers/1/image", "reg:5001/shop/c0:1", "the repository of c0"),
    (f"{PODS}/spec/containers/1/image", "shop/c0", "the repository of c0"),
]


@pytest.mark.parametrize(("pointer", "value", "named"), FOREIGN, ids=[each[2] for each in FOREIGN])
def test_a_foreign_change_is_denied_with_the_fields_name(
    held: tuple[Shop, Cluster], pointer: str, value: Any, named: str
) -> None:
    shop, robot = held
    before = shop.version(web(shop))
    said = denied(
        robot,
        web(shop),
        *([("add", "/metadata/labels", {})] if pointer.startswith("/metadata/labels") else []),
        *([("add", "/metadata/annotations", {})] if pointer.startswith("/metadata/annotations") else []),
        ("add", pointer, value),
    )
    assert named in said
    assert shop.version(web(shop)) == before


def test_what_flipgate_writes_is_taken(held: tuple[Shop, Cluster]) -> None:
    shop, robot = held
    digest = f"reg:5000/shop/c0@sha256:{'0' * 64}"
    for operation in (
        ("add", "/metadata/labels", {STAMP: "1.x"}),
        ("add", "/metadata/annotations", {"flipgate.dev/asked-again": "7"}),
        ("add", f"{PODS}/metadata/annotations", {"flipgate.dev/again": "b7"}),
        ("add", f"{PODS}/spec/containers/0/image", "shop/web:2"),
        ("add", f"{PODS}/spec/containers/1/image", digest),
        ("add", f"{PODS}/spec/containers/1/image", "reg:5000/shop/c0:3@sha256:" + "1" * 64),
        ("add", "/spec/replicas", 3),
        ("add", "/spec/replicas", 0),
    ):
        assert denied(robot, web(shop), operation) == "", operation


def test_a_cron_job_is_suspended_and_re_imaged_and_nothing_else(held: tuple[Shop, Cluster]) -> None:
    shop, robot = held
    path = f"{cron(shop, GREEN)}/tick"
    for pointer, value in (
        ("/spec/suspend", False),
        ("/spec/suspend", True),
        (f"{JOBS}/spec/containers/0/image", "reg:5000/shop/tick:2"),
    ):
        assert denied(robot, path, ("add", pointer, value)) == ""
    for pointer, value, named in (
        ("/spec/schedule", "* * * * *", "spec.schedule"),
        ("/spec/concurrencyPolicy", "Forbid", "spec.concurrencyPolicy"),
        ("/spec/jobTemplate/metadata", {"labels": {"x": "1"}}, "spec.jobTemplate.metadata"),
        ("/spec/jobTemplate/spec/backoffLimit", 1, "spec.jobTemplate.spec.backoffLimit"),
        (f"{JOBS}/spec/containers/0/command", ["sh"], "in containers: tick.command"),
    ):
        assert named in denied(robot, path, ("add", pointer, value))


def test_what_the_route_leads_to_is_never_shrunk_and_the_route_decides(held: tuple[Shop, Cluster]) -> None:
    shop, robot = held
    live = f"IngressRoute {shop.own}/live leads users to {shop.namespace(BLUE)}: flipgate shrinks nothing there"
    for count in (1, 0):
        assert live in denied(robot, web(shop, BLUE), ("replace", "/spec/replicas", count))
    assert live in denied(robot, f"{cron(shop, BLUE)}/tick", ("add", "/spec/suspend", True))
    assert denied(robot, web(shop, BLUE), ("replace", "/spec/replicas", 4)) == ""
    assert denied(robot, web(shop), ("replace", "/spec/replicas", 3)) == ""
    shop.point("live", shop.namespace(GREEN))
    until(lambda: denied(robot, web(shop), ("replace", "/spec/replicas", 2)), why="green is live")
    assert denied(robot, web(shop, BLUE), ("replace", "/spec/replicas", 0)) == ""


def test_where_the_route_is_gone_nobody_is_held_up(held: tuple[Shop, Cluster]) -> None:
    """With `Deny` for want of the parameter the API server denies every write there is, controllers' and people's too:
    it looks for the parameter before it asks whose request it is."""
    shop, robot = held
    where = shop.where()
    shop.cluster.delete(shop.route_path())
    for count in (5, 4, 5, 4):
        assert denied(shop.cluster, web(shop, BLUE), ("replace", "/spec/replicas", count)) == ""
    until(lambda: not denied(robot, web(shop, BLUE), ("replace", "/spec/replicas", 3)), why="its route is gone")
    shop.add_route("live", BLUE if where == ("blue",) else GREEN)


def test_others_are_not_held_by_it(held: tuple[Shop, Cluster]) -> None:
    shop, _ = held
    for value in (True, False):
        shop.patch(web(shop), ("add", "/spec/paused", value))


def test_records_are_written_by_flipgate_and_a_named_group_alone_where_that_is_wanted(
    install: Install, tmp_path: Path
) -> None:
    shop = install()
    shop.adopted()
    record, lease = f"{shop.config_maps}/record-{shop.name}", leases(shop) + f"/flipgate-{shop.name}"
    shop.cluster.create(leases(shop), {"metadata": {"name": f"flipgate-{shop.name}"}})
    anew = map(str, itertools.count())

    def touched(path: str, who: Cluster = shop.cluster) -> str:
        return denied(who, path, ("add", "/metadata/labels", {"x": next(anew)}))

    ana, hers = user(shop, tmp_path, "ana"), f"system:serviceaccounts:{shop.own}"
    grant(shop, [f"no permission to patch configmaps in namespace {shop.own} (kubectl auth can-i)"], "ana")
    with policies(shop, tmp_path, "--writers", "o'\"brien", "--writers", "on call \U0001f6d1", "--writers", hers):
        until(lambda: touched(record), why="it does not hold yet")
        people = f"people of o'\"brien, on call \U0001f6d1, {hers}"
        assert f"flipgate alone writes record-{shop.name}, and {people}" in touched(record)
        assert f"flipgate alone writes flipgate-{shop.name}" in touched(lease)
        application = f"{shop.config_maps}/application-{shop.name}"
        assert f"flipgate alone writes application-{shop.name}" in touched(application), "who may approve stands there"
        assert touched(application, ana) == ""
        for kind in ("release", "chain"):
            made = {"metadata": {"name": f"{kind}-{shop.name}-0ld-1"}}
            with pytest.raises(PermanentError, match="flipgate alone writes"):
                shop.cluster.create(shop.config_maps, made)
        for all_of in (shop.config_maps, leases(shop)):
            with pytest.raises(PermanentError, match="flipgate alone writes"):
                shop.cluster.delete(all_of)
        assert shop.world().store.read().application == shop.name
        assert touched(record, ana) == "", "she is in a group that was named"
        for prefix in (f"release-{shop.name}-", "application-"):
            with pytest.raises(PermanentError, match="flipgate alone writes"):
                shop.cluster.create(shop.config_maps, {"metadata": {"generateName": prefix}})
        generated = shop.cluster.create(shop.config_maps, {"metadata": {"generateName": "not-ours-"}})
        assert generated["metadata"]["name"].startswith("not-ours-")


def leases(shop: Shop) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{shop.own}/leases"


@pytest.mark.parametrize("kind", ["weighted", "http"])
def test_each_kind_of_route_says_what_is_live(install: Install, tmp_path: Path, kind: str) -> None:
    shop = install(routes=("live",), **{kind: ("live",)})
    apply(shop, printed(shop, tmp_path))
    robot = user(shop, tmp_path, "flipgate")
    until_it_counts(shop, "flipgate", rules_of(shop.application, shop.own))
    counts = itertools.cycle((9, 8))
    with policies(shop, tmp_path):
        fewer = lambda: denied(robot, web(shop, BLUE), ("replace", "/spec/replicas", next(counts)))  # noqa: E731
        until(lambda: "leads users to" in fewer(), why="it does not hold yet")
        for count in (2, 1):
            assert denied(robot, web(shop), ("replace", "/spec/replicas", count)) == ""


@pytest.mark.xdist_group("prefect")
def test_a_whole_release_runs_under_the_policies(install: Install, tmp_path: Path) -> None:
    shop = with_a_check(install())
    apply(shop, printed(shop, tmp_path))
    with acting_as(shop, tmp_path, "flipgate") as (world, counting), prefect_played(tmp_path / "prefect"):
        until_it_counts(shop, "flipgate", rules_of(shop.application, shop.own))
        with policies(shop, tmp_path, "--writers", "on-call"), shop.playing_ready():
            until_held(counting.cluster, web(shop))
            counting.denied.clear()
            apply_application(counting.cluster, shop.application, shop.text, shop.own)
            whole_release(shop, lambda _: world)
    assert counting.denied == []


def test_somebody_in_no_such_group_moves_users_back_all_the_same(install: Install, tmp_path: Path) -> None:
    """At 3 a.m., by whatever login is at hand: only what is remembered of it is denied them."""
    shop = install()
    shop.gone_live()
    user(shop, tmp_path, "eve")
    with administrator(shop, "eve"), policies(shop, tmp_path, "--writers", "on-call"):
        eve = Cluster.connect(tmp_path / "eve.kubeconfig")
        record = f"{shop.config_maps}/record-{shop.name}"
        anew = map(str, itertools.count())
        until(lambda: denied(eve, record, ("add", "/metadata/labels", {"x": next(anew)})), why="it does not hold yet")
        before = shop.record_text()
        at = ["--kubeconfig", str(tmp_path / "eve.kubeconfig")]
        done = Desk(shop).run("rollback", shop.name, "--reason", "orders fail", *at)
    assert shop.where() == (BLUE,), done.output
    assert "flipgate alone writes" in done.output
    assert shop.record_text() == before


@contextmanager
def administrator(shop: Shop, name: str) -> Iterator[None]:
    """The account may do everything while the block runs."""
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    of = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": shop.own}]
    meta = {"name": f"{name}-{shop.own}"}
    shop.cluster.create(path, {"metadata": meta, "roleRef": of, "subjects": subjects})
    try:
        yield
    finally:
        shop.cluster.delete(f"{path}/{meta['name']}")

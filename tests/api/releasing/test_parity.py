"""What pods name is looked at by name on both sides before a release writes anything, and no content of it is shown."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import Refused, TemporaryError
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.world import World
from flipgate.steps.looking import parity, room
from flipgate.steps.looking.look import look
from flipgate.steps.looking.preflight import preflight
from flipgate.steps.releasing import preflight as releasing
from flipgate.steps.releasing.setup import check_application
from tests.api.changed_shop import by_file
from tests.api.front import checked, fronted
from tests.api.shop import BLUE, GREEN, Shop, opened, timed_by_its_waiting, under_lease
from tests.api.users import grant, user
from tests.api.wire import Answer, Through, serving
from tests.core.builders import refuses

EXTERNAL = "/apis/external-secrets.io/v1/namespaces/{}/externalsecrets"
PASSWORD = "correct-horse-battery"
"""Found nowhere that flipgate writes or says anything."""


@pytest.fixture(autouse=True)
def counted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "COUNTED_SECONDS", 0.0)


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


def put(shop: Shop, side: Side, kind: str, name: str, **body: Any) -> None:
    meta = {"name": name, **body.pop("metadata", {})}
    path = f"/api/v1/namespaces/{shop.namespace(side)}/{kind.lower()}s"
    shop.cluster.create(path, {"metadata": meta, **body})


def naming(shop: Shop, **pod: Any) -> None:
    """Both sides' web has a template with these parts."""
    container = {"name": "web", "image": "shop/web:1", **pod.pop("container", {})}
    for side in Side:
        path = f"{shop.deployments(side)}/web"
        shop.cluster.merge(path, {"spec": {"template": {"spec": {"containers": [container], **pod}}}})


def declaring(shop: Shop, text: str) -> None:
    """The file has this section `parity`."""
    shop.text = f"{shop.text}  parity: {text}\n"
    shop.application = load_application(shop.text, "shop.yaml")


def asked(world: World) -> dict[str, Evidence]:
    """All rows, by what they are about."""
    return {each.gate: each for each in preflight(world, look(world), None)}


READS_KEY = {"envFrom": [{"secretRef": {"name": "key"}}]}


def test_a_secret_that_was_rotated_on_one_side_is_shown_and_refused_where_it_has_to_be_equal(shop: Shop) -> None:
    naming(shop, container=READS_KEY)
    put(shop, BLUE, "Secret", "key", data={"password": encoded(PASSWORD), "user": encoded("ana")})
    put(shop, GREEN, "Secret", "key", data={"password": encoded("old"), "user": encoded("ana")})
    row = asked(shop.adopted())["Secret key"]
    assert (row.verdict, row.answer) == ("info", "differs from the live side's: keys password")

    declaring(shop, "{equal: [{kind: Secret, name: key}]}")
    world = shop.world()
    assert asked(world)["Secret key"].verdict == "fail"
    shop.cluster.merge(
        f"/api/v1/namespaces/{shop.namespace(GREEN)}/secrets/key", {"data": {"password": encoded(PASSWORD)}}
    )
    assert asked(world)["parity"].answer == "there: 1 Secret"


def test_what_pods_name_and_is_missing_is_named_whatever_names_it(shop: Shop, world: World) -> None:
    """A ConfigMap of a volume, a Secret that images are pulled with, one that a ServiceAccount pulls with."""
    volume = {"name": "app", "configMap": {"name": "app"}}
    naming(shop, volumes=[volume], imagePullSecrets=[{"name": "pull"}], serviceAccountName="robot")
    put(shop, BLUE, "ConfigMap", "app", data={"a": "1"})
    for side in Side:
        put(shop, side, "ServiceAccount", "robot", imagePullSecrets=[{"name": "pull-too"}])
    for name in ("pull", "pull-too"):
        put(shop, BLUE, "Secret", name, data={"a": encoded("1")})
    found = asked(world)
    assert found["ConfigMap app"].answer == f"does not exist in {shop.namespace(GREEN)}, named by Deployment web"
    assert found["Secret pull"].verdict == "fail"
    assert found["Secret pull-too"].answer.endswith("named by ServiceAccount robot")


def test_a_secret_that_the_live_side_pulls_its_images_without_is_only_shown(shop: Shop, world: World) -> None:
    """A kubelet pulls without it: whoever releases today with such an account is not refused for it."""
    naming(shop, imagePullSecrets=[{"name": "pull"}])
    for side in Side:
        put(shop, side, "ServiceAccount", "default", imagePullSecrets=[{"name": "pull-too"}])
    found = asked(world)
    assert {found[f"Secret {name}"].verdict for name in ("pull", "pull-too")} == {"info"}
    under_lease(world, releasing.preflight, opened(world))


def test_an_external_secret_that_is_not_ready_is_waited_for_and_then_says_why(shop: Shop) -> None:
    naming(shop, container=READS_KEY)
    put(shop, BLUE, "Secret", "key", data={})
    declaring(shop, "{waitSeconds: 10}")
    path = EXTERNAL.format(shop.namespace(GREEN))
    shop.cluster.create(path, {**external("key"), "spec": {}})
    condition = {"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": "no such key in vault"}
    shop.cluster.merge(f"{path}/key/status", {"status": {"conditions": [condition]}})
    shop.adopted()
    world = timed_by_its_waiting(shop.world())
    release = opened(world)
    with refuses("PreflightFailed") as refused, world.acting() as acting:
        releasing.preflight(acting, release)
    why = "ExternalSecret key: fail: Ready is False (SecretSyncedError: no such key in vault), for 10 s"
    assert f"{why} (kubectl -n {shop.namespace(GREEN)} describe externalsecret key)" in refused.value.fact

    def made() -> None:
        if not shop.cluster.find(f"/api/v1/namespaces/{shop.namespace(GREEN)}/secrets/key"):
            ready = {**condition, "status": "True"}
            shop.cluster.merge(f"{path}/key/status", {"status": {"conditions": [ready]}})
            put(shop, GREEN, "Secret", "key", data={})

    under_lease(timed_by_its_waiting(world, made), releasing.preflight, release)


def test_a_service_without_pods_keeps_no_release_back(shop: Shop) -> None:
    shop = replacing(shop, "name: mailer, role: worker, replicas: 1", "name: mailer, role: worker, replicas: 0")
    for side in Side:
        container = {"name": "mailer", "image": "shop/mailer:1", **READS_KEY}
        part = {"serviceAccountName": "nobody", "containers": [container]}
        shop.cluster.merge(f"{shop.deployments(side)}/mailer", {"spec": {"template": {"spec": part}}})
    shop.scale(BLUE, "mailer", 0)
    world = shop.adopted()
    assert not [gate for gate in asked(world) if "key" in gate or "nobody" in gate]
    shop.scale(BLUE, "mailer", 1)  # by hand: it is to have as many on green
    assert asked(world)["Secret key"].verdict == "fail"


def replacing(shop: Shop, old: str, new: str) -> Shop:
    """The shop by a file that says this in the place of that."""
    assert old in shop.text
    return by_file(shop, shop.text.replace(old, new))


def test_each_object_is_read_once_and_said_once_however_many_pods_need_it(shop: Shop, tmp_path: Path) -> None:
    """Fifty services that have an account each pull with one Secret."""
    for side in Side:
        for name in ("web", "mailer"):
            put(shop, side, "ServiceAccount", name, imagePullSecrets=[{"name": "pull"}])
            part = {"spec": {"template": {"spec": {"serviceAccountName": name}}}}
            shop.cluster.merge(f"{shop.deployments(side)}/{name}", part)
    put(shop, BLUE, "Secret", "pull", data={})
    shop.adopted()
    seen: list[str] = []

    def noting(_: str, path: str) -> None:
        seen.append(path)

    with serving(Through(shop.kubeconfig, before=noting), tmp_path) as cluster:
        world = shop.world(cluster=cluster)
        rows = parity.read_parity(world, look(world), None)
    (row,) = [each for each in rows if each.gate == "Secret pull"]
    assert row.answer.endswith("named by ServiceAccount mailer, ServiceAccount web")
    asked = [path for path in seen if "/serviceaccounts/" in path or "/secrets/" in path]
    assert len(asked) == len(set(asked)) == 6


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "forbidden"])
def test_many_config_maps_and_accounts_are_one_list_where_that_is_allowed_and_the_rows_are_the_same(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: bool
) -> None:
    monkeypatch.setattr(parity, "MANY", 1)
    reads = [{"configMapRef": {"name": name}} for name in ("gone", "other", "same")]
    naming(shop, container={"envFrom": reads}, serviceAccountName="robot")
    for side in Side:
        put(shop, side, "ConfigMap", "other", data={"a": f"of {side}"})
        put(shop, side, "ConfigMap", "same", data={"a": "1"})
    put(shop, BLUE, "ServiceAccount", "robot", imagePullSecrets=[{"name": "pull"}])
    shop.adopted()
    seen: list[str] = []

    def noting(_: str, path: str) -> Answer | None:
        seen.append(path.partition("?")[0])
        denied = not listed and seen[-1].endswith(("/configmaps", "/serviceaccounts"))
        return (403, b'{"kind": "Status", "message": "forbidden", "reason": "Forbidden"}') if denied else None

    with serving(Through(shop.kubeconfig, before=noting), tmp_path) as cluster:
        world = shop.world(cluster=cluster)
        view = look(world)
        seen.clear()
        rows = {row.gate: row for row in parity.read_parity(world, view, None)}
    by_name = [path for path in seen if "/configmaps/" in path or "/serviceaccounts/" in path]
    assert len(by_name) == (0 if listed else 10)
    assert (rows["ConfigMap gone"].verdict, rows["ServiceAccount robot"].verdict) == ("fail", "fail")
    assert rows["ConfigMap other"].answer == "differs from the live side's: keys a"
    assert "ConfigMap same" not in rows


def test_while_a_secret_is_awaited_nothing_else_is_read(shop: Shop, tmp_path: Path) -> None:
    naming(shop, container={"envFrom": [*READS_KEY["envFrom"], {"configMapRef": {"name": "app"}}]})
    put(shop, BLUE, "Secret", "key", data={})
    for side in Side:
        put(shop, side, "ConfigMap", "app", data={})
    declaring(shop, "{waitSeconds: 10}")
    shop.cluster.create(EXTERNAL.format(shop.namespace(GREEN)), {**external("key"), "spec": {}})
    shop.adopted()
    release = opened(shop.world())
    seen: list[str] = []

    def noting(_: str, path: str) -> None:
        seen.append(path.rpartition("/")[2])

    with serving(Through(shop.kubeconfig, before=noting), tmp_path) as cluster:
        world = timed_by_its_waiting(shop.world(cluster=cluster))
        rows = {row.gate: row for row in parity.read_parity(world, look(world), release)}
    assert rows["ExternalSecret key"].answer.endswith(", for 10 s")
    assert seen.count("app") == 4, "on each side before the wait, and after it"
    assert seen.count("key") > 20


@pytest.mark.parametrize("away", [False, True])
def test_where_the_secret_is_there_what_makes_it_keeps_no_release_back_unless_the_file_asks(
    shop: Shop, tmp_path: Path, away: bool
) -> None:
    """Its vault, or its operator's webhook, is away: pods start with what was made before."""
    naming(shop, container=READS_KEY)
    for side in Side:
        owner = {**external("key"), "name": "key", "uid": "u"}
        del owner["metadata"]
        put(shop, side, "Secret", "key", data={"a": encoded("1")}, metadata={"ownerReferences": [owner]})
    path = EXTERNAL.format(shop.namespace(GREEN))
    shop.cluster.create(path, {**external("key"), "spec": {}})
    condition = {"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": "the vault is sealed"}
    shop.cluster.merge(f"{path}/key/status", {"status": {"conditions": [condition]}})
    shop.adopted()

    def webhook(_: str, asked: str) -> Answer | None:
        return (500, b'{"message": "conversion webhook failed"}') if away and "externalsecrets" in asked else None

    with serving(Through(shop.kubeconfig, before=webhook), tmp_path) as cluster:
        world = shop.world(cluster=cluster)
        release = opened(world)
        rows = {each.gate: each for each in under_lease(world, releasing.preflight, release)}
        why = "conversion webhook failed" if away else "the vault is sealed"
        assert (rows["ExternalSecret key"].verdict, why in rows["ExternalSecret key"].answer) == ("info", True)
        declaring(shop, "{waitSeconds: 0}")
        world = shop.world(cluster=cluster)
        with pytest.raises(TemporaryError if away else Refused, match=why), world.acting() as acting:
            releasing.preflight(acting, release)


def external(name: str) -> dict[str, Any]:
    return {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": name}}


def put_autoscaler(shop: Shop, most: int) -> None:
    path = f"/apis/autoscaling/v2/namespaces/{shop.namespace(GREEN)}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": most}
    shop.cluster.create(path, {"metadata": {"name": "web"}, "spec": spec})


def test_five_faults_are_one_refusal_with_what_mends_each(shop: Shop) -> None:
    naming(shop, container=READS_KEY, imagePullSecrets=[{"name": "pull"}], serviceAccountName="robot")
    put(shop, BLUE, "Secret", "key", data={"password": encoded(PASSWORD)})
    put(shop, GREEN, "Secret", "key", data={"password": encoded("old")})
    put(shop, BLUE, "Secret", "pull", data={})
    declaring(shop, "{equal: [{kind: Secret, name: key}]}")
    put_autoscaler(shop, 1)
    path, hard = f"/api/v1/namespaces/{shop.namespace(GREEN)}/resourcequotas", {"pods": "1"}
    shop.cluster.create(path, {"metadata": {"name": "small"}, "spec": {"hard": hard}})
    shop.cluster.merge(f"{path}/small/status", {"status": {"hard": hard, "used": {"pods": "0"}}})
    world = shop.adopted()
    release = opened(world)
    with refuses("PreflightFailed") as refused, world.acting() as acting:
        releasing.preflight(acting, release)
    said, green = refused.value.fact, shop.namespace(GREEN)
    assert said.startswith("5 of 6 rows do not pass; ")
    for mend in (
        f"kubectl -n {shop.namespace(BLUE)} get secret pull -o yaml",
        f"kubectl -n {green} create serviceaccount robot",
        f"kubectl -n {shop.namespace(BLUE)} describe secret key",
        f"kubectl -n {green} patch hpa web",
        f"kubectl -n {green} edit resourcequota small",
    ):
        assert mend in said
    assert shop.counts(GREEN) == {"web": 0, "mailer": 0}


def test_without_the_right_nothing_passes_that_the_file_asks_for(shop: Shop, tmp_path: Path) -> None:
    """Whoever checks a file that asks for nothing is only told."""
    naming(shop, container=READS_KEY)
    for side in Side:
        put(shop, side, "Secret", "key", data={"password": encoded(PASSWORD)})
    user(shop, tmp_path)
    robot = tmp_path / "robot.kubeconfig"
    grant(shop, checked(shop, tmp_path, kubeconfig=robot))
    said: list[str] = []
    with serving(fronted(shop, kubeconfig=robot), tmp_path) as cluster:
        assert check_application(cluster, shop.application, shop.own, said.append) == []
        may = f"kubectl auth can-i get secrets/key -n {shop.namespace(GREEN)}"
        unread = (
            f"Secrets of green: info: may not be read in {shop.namespace(GREEN)}: key; whether it is right is not known"
        )
        assert f"{unread} ({may})" in said

        declaring(shop, "{equal: [{kind: Secret}]}")
        wanted = check_application(cluster, shop.application, shop.own)
        assert [line for line in wanted if "secrets key" in line] == [
            f"no permission to get secrets key in namespace {shop.namespace(side)} "
            f"(kubectl auth can-i get secrets/key -n {shop.namespace(side)})"
            for side in Side
        ]


def test_one_more_right_taken_away_is_unknown_to_a_release(shop: Shop, tmp_path: Path) -> None:
    naming(shop, container=READS_KEY)
    declaring(shop, "{equal: [{kind: Secret}]}")
    shop.adopted()
    robot = user(shop, tmp_path)
    lacking = checked(shop, tmp_path, kubeconfig=tmp_path / "robot.kubeconfig")
    grant(shop, [sentence for sentence in lacking if "secrets" not in sentence])
    row = asked(shop.world(cluster=robot))["Secrets of green"]
    assert (row.verdict, row.mend) == ("unknown", f"kubectl auth can-i get secrets/key -n {shop.namespace(GREEN)}")


def test_digests_are_of_one_look_alone(shop: Shop, world: World) -> None:
    """Somebody who has one cannot try short secrets out against it."""
    naming(shop, container=READS_KEY)
    for side in Side:
        put(shop, side, "Secret", "key", data={"pin": encoded("0000")})
    first, second = (parity.compare_objects(world, look(world), GREEN) for _ in range(2))
    found = [side.found["Secret", "key"] for side in (first.live, first.dark, second.dark)]
    digests = [each.digests["pin"] for each in found if each]
    assert digests[0] == digests[1] != digests[2]

"""What is copied to the dark side: its content, its labels, the fence, a death between two, and what is never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.gates.reach import Endpoint
from flipgate.core.record.intents import COPY_OBJECTS
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, Forbidden, LostLease
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.looking.look import look
from flipgate.steps.moving import copy_objects
from flipgate.steps.releasing.flip import flip
from flipgate.steps.releasing.foresee import foresee
from flipgate.steps.releasing.preflight import preflight
from flipgate.steps.releasing.setup import adopt
from tests.api.changed_shop import by_file
from tests.api.copies import PASSWORD, encoded, path, with_copies
from tests.api.front import fronted
from tests.api.moving.test_jobs import ends
from tests.api.moving.workers import with_ledger
from tests.api.shop import BLUE, GREEN, Shop, briefly, meanwhile, opened, under_lease
from tests.api.steps import approved, refusing
from tests.api.targets import put_endpoints, put_service
from tests.api.wire import serving
from tests.core.builders import refuses


@pytest.fixture
def copying(shop: Shop) -> Shop:
    return with_copies(shop)


def found(shop: Shop, kind: str, name: str) -> dict[str, Any]:
    return shop.cluster.get(path(shop, GREEN, kind, name))


def test_what_is_declared_is_copied_once_all_has_passed_and_says_whose_it_is(copying: Shop) -> None:
    world = copying.adopted()
    release = opened(world)
    under_lease(world, preflight, release)
    secret, settings = found(copying, "secret", "key"), found(copying, "configmap", "app")
    assert (secret["data"], secret["type"]) == ({"password": encoded(PASSWORD)}, "kubernetes.io/basic-auth")
    assert (settings["data"], settings["binaryData"]) == ({"a": "new", "side": "green"}, {"b": "AQID"})
    for each in (secret, settings):
        labels = each["metadata"]["labels"]
        assert labels["flipgate.dev/application"] == copying.name
        assert labels["flipgate.dev/copy-of"] == copying.namespace(BLUE)
    entry = world.store.read().journal[-1]
    assert (entry.step, entry.state) == (COPY_OBJECTS, EntryState.DONE)
    assert entry.outcome == "copied from blue to green: Secret key, ConfigMap app"

    before = len(world.store.read().journal)
    under_lease(world, preflight, release)
    assert len(world.store.read().journal) == before, "nothing differs: nothing is written"


def test_an_endpoint_that_does_not_answer_says_what_was_copied_before_it(
    copying: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = meanwhile(copying.adopted(), ends(copying, "Failed", "BackoffLimitExceeded"))
    endpoint = Endpoint.model_validate({"name": "database", "host": "db.shared", "port": 5432, "image": "acme/ask:1"})
    world.application = but(world.application, spec=but(world.application.spec, reach=(endpoint,)))
    release = opened(world)
    with refusing("PreflightFailed", "reach database: fail") as refused:
        under_lease(world, preflight, release)
    assert refused.value.untouched == "both sides, but for Secret key, ConfigMap app, copied to green"
    assert found(copying, "configmap", "app")["data"]["a"] == "new"


def test_nothing_of_a_secret_is_in_the_record_events_or_what_is_said(copying: Shop) -> None:
    world, said = copying.adopted(), list[str]()
    world.say = said.append
    foresee(world, {"web": "shop/web:2"})
    release = opened(world)
    under_lease(world, preflight, release)
    kept = json.dumps(
        [
            copying.cluster.items(copying.config_maps),
            *(copying.cluster.items(f"/api/v1/namespaces/{copying.namespace(side)}/events") for side in Side),
            said,
        ]
    )
    assert "Secret key" in kept
    assert PASSWORD not in kept
    assert encoded(PASSWORD) not in kept


def test_the_release_is_the_same_before_the_copy_and_after_it(copying: Shop) -> None:
    """Else the same build, told twice, would supersede itself."""
    world = copying.adopted()
    before = foresee(world, {"web": "shop/web:2"})
    release = opened(world)
    under_lease(world, preflight, release)
    assert release.id == before.release == foresee(world, {"web": "shop/web:2"}).release


def test_a_death_between_two_objects_is_recovered_and_the_other_one_copied(
    copying: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = copying.adopted()
    release, copy = opened(world), copy_objects._copy

    def dying(acting: Any, side: Side, ref: tuple[str, str]) -> None:
        if ref[0] == "ConfigMap":
            raise KeyboardInterrupt
        copy(acting, side, ref)

    with monkeypatch.context() as patch:
        patch.setattr(copy_objects, "_copy", dying)
        with pytest.raises(KeyboardInterrupt):
            under_lease(world, preflight, release)
    assert found(copying, "configmap", "app")["data"]["a"] == "old"
    entry = world.store.read().open_entry
    assert entry
    assert entry.step == COPY_OBJECTS
    assert recover(world, patience_seconds=0).changed
    under_lease(world, preflight, release)
    assert found(copying, "configmap", "app")["data"]["a"] == "new"
    assert found(copying, "secret", "key")["data"] == {"password": encoded(PASSWORD)}


def test_a_copy_that_is_late_is_refused_once_a_flip_has_stamped_it(
    copying: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = copying.adopted()
    late: list[tuple[str, list[dict[str, Any]]]] = []
    with world.acting() as acting:
        copy_objects.copy_objects(acting, look(world), _dark(world))
        copying.cluster.merge(path(copying, BLUE, "configmap", "app"), {"data": {"a": "newer"}})
        monkeypatch.setattr(type(acting.cluster), "patch", lambda _, where, ops, **__: late.append((where, ops)))
        copy_objects._copy(acting, GREEN, ("ConfigMap", "app"))
    monkeypatch.undo()
    with world.acting() as acting:
        copy_objects.stamp_copies(acting, GREEN)
        assert found(copying, "configmap", "app")["metadata"]["labels"][STAMP].startswith(f"{acting.epoch}.")
    ((where, operations),) = late
    with pytest.raises(Conflict):
        copying.cluster.patch(where, operations)
    assert found(copying, "configmap", "app")["data"]["a"] == "new"


def test_a_flip_stamps_what_may_be_copied_to_the_side_that_users_are_sent_to(copying: Shop, tmp_path: Path) -> None:
    dark = copying.gone_live(until=Phase.DARK)
    put_service(copying, {"name": "http", "port": 80})
    put_endpoints(copying, True)
    approved(dark)
    with serving(fronted(copying), tmp_path) as cluster:
        _, proven = under_lease(copying.world("pipeline", cluster), flip)
    assert proven.ok
    assert STAMP in found(copying, "configmap", "app")["metadata"]["labels"]


def test_one_that_is_made_late_holds_nothing(copying: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has lost the Lease meanwhile does not fill it."""
    world = copying.adopted()
    monkeypatch.setattr(copy_objects, "_fill", lambda *_: None)
    with world.acting() as acting:
        copy_objects._copy(acting, GREEN, ("Secret", "key"))
    assert found(copying, "secret", "key")["data"] == {"password": encoded("{}")}


@pytest.mark.parametrize("written", [False, True], ids=["untouched", "written since"])
def test_one_that_nobody_fills_goes_unless_somebody_has_written_it_since(
    copying: Shop, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    """Its release is aborted between the two writes."""
    world = copying.adopted()
    secret, where = ("Secret", "key"), path(copying, GREEN, "secret", "key")

    def stolen(_: Acting) -> None:
        if written:
            copying.cluster.merge(where, {"metadata": {"labels": {"somebody": "else"}}})
        raise LostLease("was taken over by another actor")

    monkeypatch.setattr(Acting, "confirm_lease", stolen)
    with world.acting() as acting, pytest.raises(LostLease):
        copy_objects._copy(acting, GREEN, secret)
    assert (copying.cluster.find(where) is not None) == written


def test_what_somebody_else_keeps_is_never_written(copying: Shop) -> None:
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "key", "uid": "u"}
    meta = {"name": "key", "ownerReferences": [owner]}
    body = {"metadata": meta, "type": "kubernetes.io/basic-auth", "data": {"password": encoded("old")}}
    copying.cluster.create(path(copying, GREEN, "secret"), body)
    world = copying.adopted()
    release = opened(world)
    with refuses("PreflightFailed", "is kept by ExternalSecret key"), world.acting() as acting:
        preflight(acting, release)
    with refuses("PreflightFailed", "is kept by ExternalSecret key"), world.acting() as acting:
        copy_objects._copy(acting, GREEN, ("Secret", "key"))
    assert found(copying, "secret", "key")["data"] == {"password": encoded("old")}
    assert found(copying, "configmap", "app")["data"]["a"] == "old", "nothing is copied before all has passed"


def test_what_the_api_server_does_not_take_is_said_without_its_words(
    copying: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = [{"op": "add", "path": "/data", "value": {"not a key": encoded(PASSWORD)}}]
    monkeypatch.setattr(copy_objects, "filling", lambda *_: spoilt)
    world = copying.adopted()
    release = opened(world)
    with refuses("PreflightFailed", "is not taken by the API server") as refused, world.acting() as acting:
        preflight(acting, release)
    assert encoded(PASSWORD) not in f"{refused.value} {world.store.read().journal}"


def test_what_refuses_a_copy_is_said_without_its_words_whoever_speaks(copying: Shop) -> None:
    """An admission policy, or a webhook, answers as if a right were missing, and may quote the object."""
    refuse_updates(copying)
    world = copying.adopted()
    release = opened(world)
    with refuses("PreflightFailed", r"not taken by the API server \(Forbidden\)") as refused, world.acting() as acting:
        preflight(acting, release)
    assert encoded(PASSWORD) not in f"{refused.value} {copying.record_text()}"


def refuse_updates(shop: Shop) -> None:
    """Nobody may update a Secret on green, and who tries is told what it holds; from now on."""
    policies, name = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies", f"{shop.name}-refusing"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["secrets"]}
    where = {"matchLabels": {"kubernetes.io/metadata.name": shop.namespace(GREEN)}}
    said = "'it holds ' + object.data.map(key, object.data[key]).join(' ')"
    never = {"expression": "false", "messageExpression": said, "reason": "Forbidden"}
    spec = {"matchConstraints": {"namespaceSelector": where, "resourceRules": [rule]}, "validations": [never]}
    shop.cluster.create(policies, {"metadata": {"name": name}, "spec": spec})
    binding = {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
    shop.cluster.create(f"{policies.removesuffix('ies')}ybindings", binding)
    shop.cluster.create(path(shop, GREEN, "secret"), {"metadata": {"name": "tried"}, "data": {"a": encoded(PASSWORD)}})
    for number in range(300):
        try:
            shop.cluster.merge(path(shop, GREEN, "secret", "tried"), {"data": {"b": encoded(str(number))}})
        except Forbidden:
            return
        briefly(0.03)
    raise AssertionError("the policy never held")


def test_a_copy_leaves_alone_whether_the_dark_side_consumes_and_which_side_it_is(shop: Shop) -> None:
    """Two of the same consumers would take work twice, before any user is there."""
    shop = with_ledger(shop)
    shop = by_file(shop, f"{shop.text}  parity: {{equal: [{{kind: ConfigMap, name: ledger-consume, sync: copy}}]}}\n")
    shop.cluster.merge(
        path(shop, BLUE, "configmap", "ledger-consume"),
        {"data": {"OTHER": "new", "side": "blue", "schema": shop.namespace(BLUE)}},
    )
    shop.cluster.merge(
        path(shop, GREEN, "configmap", "ledger-consume"),
        {"data": {"consume": "false", "side": "green", "schema": shop.namespace(GREEN)}},
    )
    world = shop.world()
    adopt(world)
    before = foresee(world, {"web": "shop/web:2"})
    release = opened(world)
    under_lease(world, preflight, release)
    data = found(shop, "configmap", "ledger-consume")["data"]
    assert data == {"OTHER": "new", "consume": "false", "side": "green", "schema": shop.namespace(GREEN)}
    assert before.release == release.id == foresee(world, {"web": "shop/web:2"}).release
    written = len(world.store.read().journal)
    under_lease(world, preflight, release)
    assert len(world.store.read().journal) == written, "nothing differs: nothing is written"


def _dark(world: World) -> Any:
    dark = look(world).dark
    assert dark
    return dark

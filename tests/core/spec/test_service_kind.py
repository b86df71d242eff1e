"""What kind of workload a service is: said by a key, else by its role."""

from __future__ import annotations

import pytest

from flipgate.core.record.occupant import Ran
from flipgate.core.spec.application import application_hash, load_application
from flipgate.core.spec.service import Service
from flipgate.core.values.errors import BadInput
from flipgate.core.workloads.taken_out import ran_on, roles_of
from tests.core.builders import GREEN, SHOP, record, shop

STORE = "{name: store, role: serving, replicas: 3, kind: StatefulSet}"
QUEUE = "{name: queue, role: worker, replicas: 2, kind: StatefulSet}"


@pytest.mark.parametrize("role", ["serving", "worker"])
def test_a_service_is_a_stateful_set_where_it_says_so(role: str) -> None:
    found = shop(f"{{name: store, role: {role}, replicas: 3, kind: StatefulSet}}").service("store")
    assert (found.kind, found.serves) == ("StatefulSet", role == "serving")


def test_without_the_key_its_role_says_it_and_the_file_means_what_it_meant() -> None:
    plain, said = shop("{name: night, role: cron}"), shop("{name: night, role: cron, kind: CronJob}")
    assert [service.kind for service in plain.spec.services] == ["Deployment", "Deployment", "CronJob"]
    assert application_hash(plain) == application_hash(said)
    assert "kind" not in Service(name="web", role="serving", replicas=1).model_dump(by_alias=True)
    assert application_hash(shop(STORE)) != application_hash(shop(STORE.replace(", kind: StatefulSet", "")))


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("role: serving, replicas: 1, kind: DaemonSet", "cannot be scaled to zero"),
        ("role: worker, replicas: 1, kind: DaemonSet", "runs on both sides, whichever is live"),
        ("role: cron, kind: DaemonSet", "leave it out of the file"),
        ("role: cron, kind: StatefulSet", "a service of role cron is a CronJob, not a StatefulSet"),
        ("role: worker, replicas: 1, kind: CronJob", "a CronJob has `role: cron`, not worker"),
        ("role: worker, replicas: 1, kind: Rollout", "'Deployment', 'StatefulSet' or 'CronJob'"),
        ("role: worker, replicas: 1, ownData: true", "has `ownData`, which only a StatefulSet has"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_its_own_words(declared: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        shop(f"{{name: store, {declared}}}")


def test_a_stateful_set_that_was_taken_out_of_the_file_is_still_known_as_one() -> None:
    application = shop(STORE, QUEUE)
    roles = roles_of(application)
    assert roles["queue"].model_dump() == {"role": "worker", "kind": "StatefulSet"}
    assert roles["mailer"].model_dump() == {"role": "worker"}, "what a version before writes and reads"
    was = record()
    images = {"web": "a:1", "mailer": "a:1", "queue": "a:1"}
    ran = {"web": Ran(role="serving"), "mailer": Ran(role="worker"), "queue": roles["queue"]}
    sides = {**was.sides, GREEN: was.sides[GREEN].model_copy(update={"images": images, "roles": ran})}
    (gone,) = ran_on(shop(), was.model_copy(update={"sides": sides}), GREEN)
    assert (gone.name, gone.kind, gone.role) == ("queue", "StatefulSet", "worker")


def test_a_word_of_what_may_change_that_is_none_is_refused_with_the_nearest() -> None:
    text = SHOP.replace("container: web", "container: web, mayChange: [comand]")
    with pytest.raises(BadInput, match=r'mayChange: unknown word "comand"; did you mean "command"\?'):
        load_application(text, "shop.yaml")
    allowed = load_application(text.replace("comand", "command, volumes"), "shop.yaml")
    assert allowed.service("web").may_change == ("command", "volumes")

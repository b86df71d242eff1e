"""The example with databases whose programs are Jobs: they run on the lab's node, on a real PostgreSQL, before any pod
of the release, and what they wrote is the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import need_release
from flipgate.core.record.release import EXPAND, FrozenEvidence, Release
from flipgate.core.values.errors import Refused
from flipgate.core.values.who import Speaker
from flipgate.steps.releasing.bring_up import open_release
from flipgate.steps.releasing.contract_database import contract_database
from flows.deploy_dark import bring_up_and_check
from lab.control.pipelines import Pipelines
from tests.api.migrating import ADD, BEGUN, DROP, VERSION, Orders
from tests.api.played import played
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, NewStage, Stage, images, lost_none
from tests.postgres import Postgres, serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with serving() as postgres:
        yield postgres


def job(script: str) -> dict[str, Any]:
    """A Job of an image of its own."""
    container = {"name": "migrate", "image": "migrate:1", "command": ["sh", "-c", script]}
    return {"job": {"backoffLimit": 0, "template": {"spec": {"containers": [container]}}}, "timeoutSeconds": 60}


def own(script: str) -> dict[str, Any]:
    """A Job of the api's own pods, with the release's image."""
    return {"workload": "api-all", "run": ["sh", "-c", script], "timeoutSeconds": 60}


def database(name: str, orders: Orders, **programs: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": job(orders.asking(VERSION)), **programs}


def pods(stage: Stage, namespace: str) -> list[str]:
    """The kinds of what the pods there belong to: a Job, or a service's ReplicaSet."""
    kinds = "jsonpath={.items[*].metadata.ownerReferences[0].kind}"
    return stage.kubectl("-n", namespace, "get", "pods", "-o", kinds).split()


def proofs(release: Release | None) -> dict[str, FrozenEvidence]:
    """What was found of the databases in this release."""
    assert release
    (judged,) = [each for each in release.judgements if each.step == EXPAND]
    return {proof.gate: proof for proof in judged.proofs}


def test_jobs_of_both_kinds_expand_before_the_first_pod_and_contract_at_the_end(
    new_stage: NewStage, prefect_server: Pipelines, postgres: Postgres, tmp_path: Path
) -> None:
    server = {PREFECT_API_URL: prefect_server.api_url, PREFECT_API_AUTH_STRING: prefect_server.login}
    orders, odds = (Orders.install(postgres, tmp_path / name) for name in ("orders", "odds"))
    adding = f"{orders.migrating(13, ADD)}\necho added on $SIDE"
    dropping = f"{orders.migrating(14, DROP)}\necho dropped on $SIDE"
    declared = [
        database("orders", orders, expand=own(adding), contract=own(dropping)),
        database("odds", odds, expand=job(f"{odds.migrating(13, ADD)}\necho added to odds")),
    ]
    stage = new_stage("databases", edit=lambda document: document["spec"].update(databases=declared))
    world, then = stage.world(), dict[str, list[str]]()

    def say(line: str) -> None:
        print(line)
        if line.startswith("database odds: expand: pass"):
            then.update(pods=pods(stage, stage.place.green), columns=orders.columns + odds.columns)

    world.say = say
    with stage.load() as load:
        with temporary_settings(server), played(world):  # the flow's own order of steps
            bring_up_and_check(world, open_release(world, images("2"), world.actor), 60.0)
        dark = need_release(stage.record())
        assert set(then["pods"]) == {"Job"}, "the last expansion had ended before any pod of the release"
        assert then["columns"] == ["id", "legacy_id", "total"] * 2
        found = proofs(dark)
        assert {each.verdict for each in found.values()} == {"pass"}
        assert found["orders: expand"].output == "added on green"
        assert found["odds: expand"].output == "added to odds"
        assert found["orders: expand"].detail.startswith("from 12 to 13; the Job completed")
        runbook.approve(world, QuestionKind.FLIP)
        assert runbook.flip_traffic(world).phase is Phase.LIVE
        runbook.scale_down(world)
        done = contract_database(world, "orders", "legacy_id goes", by=Speaker("ana"))
        lost_none(load)
    assert (orders.version, odds.version) == ("14", "13")
    assert done.evidence[-2].output == "dropped on blue", "the dark side's Jobs, with what its pods may read"
    assert [(each.database, each.state) for each in stage.record().migrations] == [
        ("orders", "contracted"),
        ("odds", "expanded"),
    ]


@pytest.mark.parametrize("kind", [job, own])
def test_one_that_fails_ends_the_release_in_the_databases_own_words(
    new_stage: NewStage, postgres: Postgres, tmp_path: Path, kind: Any
) -> None:
    orders = Orders.install(postgres, tmp_path / "commands")
    failing = kind(orders.asking(BEGUN.format(to=13), "ALTER TABLE nowhere ADD COLUMN total int"))
    declared = [database("orders", orders, expand=failing)]
    stage = new_stage(f"bad-{kind.__name__}", edit=lambda document: document["spec"].update(databases=declared))
    words = 'ERROR:  relation "nowhere" does not exist'
    with pytest.raises(Refused, match=rf"the database is at 13 \(dirty\).*it wrote last: {words}") as refused:
        runbook.deploy_dark(stage.world(), images("2", "api-all"))
    assert refused.value.reason == "MigrationFailed"
    record = stage.record()
    assert record.last
    assert (record.last.phase, record.last.changes[-1].reason) == (Phase.FAILED, "MigrationFailed")
    found = proofs(record.last)["orders: expand"]
    assert (found.verdict, found.output) == ("fail", words)
    (name,) = [
        each for each in stage.kubectl("-n", stage.place.green, "get", "jobs", "-o", "name").split() if "expand" in each
    ]
    assert stage.kubectl("-n", stage.place.green, "logs", name).strip() == words
    assert set(pods(stage, stage.place.green)) == {"Job"}, "no pod of the release came up"
    assert (stage.replicas(GREEN), stage.answering()) == ({}, BLUE)

"""What others send is data: Prefect puts a variable's value in the place of what looks like a reference to it.

https://github.com/PrefectHQ/prefect/blob/3.9.1/src/prefect/utilities/schema_tools/hydration.py
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from flipgate.adapters import runs
from flipgate.core.spec.build_event import read_build
from flipgate.core.values.errors import BadInput
from lab.control.pipelines import POOL, Pipelines
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

VALUE = "the-value-of-a-variable"
VARIABLE = {"__prefect_kind": "workspace_variable", "variable_name": "deploy_key"}
JINJA = {"__prefect_kind": "jinja", "template": "{{ 7 * 191 }}"}
JSON = {"__prefect_kind": "json", "value": VARIABLE}
TEMPLATE = "{{ 7 * 191 }}"


@pytest.fixture(scope="module")
def prefect(alone: Pipelines) -> PrefectApi:
    api = PrefectApi(alone)
    with alone.client() as client:
        client.post("/variables/", json={"name": "deploy_key", "value": VALUE}).raise_for_status()
    return api


def started(prefect: PrefectApi, event: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the run that Prefect makes of the event."""
    prefect.emit(event)
    of = {"deployments": {"name": {"any_": ["build-completed"]}}, "limit": 200}

    def made() -> list[dict[str, Any]]:
        found = prefect._call("POST", "/flow_runs/filter", of)
        return [run["parameters"] for run in found if run["parameters"]["event"] == event["id"]]

    found: list[dict[str, Any]] = wait_until("a run of it", made)
    return found[0]


@pytest.mark.parametrize("reference", [VARIABLE, JINJA, JSON], ids=lambda each: each["__prefect_kind"])
@pytest.mark.parametrize("where", ["image", "images", "application", "again", "beside"])
def test_a_reference_in_an_event_stays_what_was_sent(
    prefect: PrefectApi, where: str, reference: dict[str, Any]
) -> None:
    event = prefect.build_completed("shop", {"web": "shop/web:2"})
    payload = event["payload"]
    if where == "image":
        payload["images"]["web"] = reference
    else:
        payload[where] = reference
    parameters = started(prefect, event)
    assert VALUE not in json.dumps(parameters)
    assert "1337" not in json.dumps(parameters)
    assert json.loads(parameters["payload"]) == payload
    if where == "beside":
        assert read_build(parameters["resource"], parameters["payload"]).images == {"web": "shop/web:2"}
    elif where != "images":
        with pytest.raises(BadInput, match="has a payload that"):
            read_build(parameters["resource"], parameters["payload"])


def test_however_many_builds_are_announced_a_worker_is_given_everything_else_first(
    prefect: PrefectApi, alone: Pipelines
) -> None:
    """A worker with a `--limit` takes what it is given in this order, and no more than that many: the rest waits."""
    for number in range(12):
        prefect.emit(prefect.build_completed("busy", {"web": f"shop/web:{number}"}))
    of = {"deployments": {"name": {"any_": ["build-completed"]}}, "limit": 200}

    def announced() -> bool:
        found = prefect._call("POST", "/flow_runs/filter", of)
        return sum(run["parameters"]["resource"].endswith(".busy") for run in found) == 12

    wait_until("a run of each", announced)
    others = {"reconcile": {}, "roll-back": {"reason": "orders fail"}, "flip-traffic": {"release": "abc-1"}}
    later = [prefect.start(each, {"application": "busy", **more}) for each, more in others.items()]
    with alone.client() as client:
        path, soon = f"/work_pools/{POOL}/get_scheduled_flow_runs", datetime.now(UTC) + timedelta(seconds=5)
        given = client.post(path, json={"scheduled_before": soon.isoformat(), "limit": 200}).json()
    builds = ["resource" in each["flow_run"]["parameters"] for each in given]
    ids = [each["flow_run"]["id"] for each in given]
    assert builds == sorted(builds), "none of them stands before anything else"
    assert sum(builds) >= 12
    assert max(map(ids.index, later)) < builds.index(True)


def test_a_payload_that_is_a_reference_itself_starts_nothing(prefect: PrefectApi) -> None:
    event = prefect.build_completed("shop", {}) | {"payload": VARIABLE}
    parameters = started(prefect, event)
    assert VALUE not in json.dumps(parameters)
    with pytest.raises(BadInput, match="says application None"):
        read_build(parameters["resource"], parameters["payload"])


def test_braces_in_a_name_or_a_tag_are_text(prefect: PrefectApi) -> None:
    event = prefect.build_completed(TEMPLATE, {TEMPLATE: f"shop/web:{TEMPLATE}"})
    parameters = started(prefect, event)
    assert parameters["resource"] == f"flipgate.application.{TEMPLATE}"
    assert json.loads(parameters["payload"])["images"] == {TEMPLATE: f"shop/web:{TEMPLATE}"}


def test_the_runs_of_one_application_are_counted_until_they_end(alone: Pipelines) -> None:
    with temporary_settings({PREFECT_API_URL: alone.api_url, PREFECT_API_AUTH_STRING: alone.login}):
        made = [
            runs.start("deploy-dark", {"application": name, "images": {}}, key=key).id
            for name, key in [("counted", "c1"), ("counted", "c2"), ("counted", "c2"), ("other", "o1")]
        ]
        runs.start("scale-down", {"application": "counted", "release": "abc-1"}, key="c3")
        assert (runs.under_way("deploy-dark", "counted"), runs.under_way("deploy-dark", "nobody")) == (2, 0)
        with alone.client() as client:
            body = {"state": {"type": "CANCELLED"}, "force": True}
            client.post(f"/flow_runs/{made[0]}/set_state", json=body).raise_for_status()
        assert (runs.under_way("deploy-dark", "counted"), runs.under_way("deploy-dark", "other")) == (1, 1)

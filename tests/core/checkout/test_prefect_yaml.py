"""prefect.yaml against the flows' own signatures: Prefect ignores what it does not know, and so would we never hear."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from importlib.metadata import version
from typing import Any

import pytest
import yaml

from flipgate.adapters import runs
from flipgate.core.record import pipelines
from flipgate.core.way_back.unwatched import INTERVAL
from lab.control.pipelines import POOL
from lab.machine.paths import CHECKOUT

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

DOCUMENT: dict[str, Any] = yaml.safe_load((CHECKOUT / "prefect.yaml").read_text())
DEPLOYMENTS: list[dict[str, Any]] = DOCUMENT["deployments"]
TRIGGERS = [(each, trigger) for each in DEPLOYMENTS for trigger in each.get("triggers", [])]

KEYS = {
    "file": {"name", "prefect-version", "build", "push", "pull", "definitions", "deployments"},
    "deployment": {
        "name", "entrypoint", "description", "tags", "work_pool", "triggers", "schedules", "parameters",
        "concurrency_limit", "enforce_parameter_schema", "version", "push",
    },
    "work pool": {"name", "work_queue_name", "job_variables"},
    "trigger": {
        "type", "enabled", "name", "description", "match", "match_related", "expect", "after", "for_each", "posture",
        "threshold", "within", "parameters",
    },
    "schedule": {"cron", "interval", "anchor_date", "rrule", "timezone", "active", "slug", "parameters"},
}  # fmt: skip
"""What we use of what Prefect 3 reads, by level. A key beside these is a typing error, or belongs here."""


def flow_of(deployment: dict[str, Any]) -> Any:
    from prefect import Flow  # seconds: only who runs these tests waits for it

    module, _, name = deployment["entrypoint"].rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, Flow), deployment["entrypoint"]
    return found


def all_flows() -> dict[str, Any]:
    """Every flow that a module of flows/ defines itself, by its name in Prefect."""
    from prefect import Flow

    import flows

    modules = [importlib.import_module(f"flows.{each.name}") for each in pkgutil.iter_modules(flows.__path__)]
    mine = [(module, value) for module in modules for value in vars(module).values() if isinstance(value, Flow)]
    return {flow.name: flow for module, flow in mine if flow.fn.__module__ == module.__name__}


def names(items: list[Any]) -> list[Any]:
    return [item["name"] for item in items]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=names(DEPLOYMENTS))
class TestDeployment:
    def test_entrypoint_is_a_flow_by_module_under_its_own_name(self, deployment: dict[str, Any]) -> None:
        assert ":" not in deployment["entrypoint"], "a file entrypoint puts flows/ first on sys.path for good"
        assert flow_of(deployment).name == deployment["name"]

    def test_keys_are_known(self, deployment: dict[str, Any]) -> None:
        assert set(deployment) <= KEYS["deployment"]
        assert set(deployment["work_pool"]) <= KEYS["work pool"]
        for schedule in deployment.get("schedules", []):
            assert set(schedule) <= KEYS["schedule"]

    def test_runs_in_our_pool_in_a_named_queue(self, deployment: dict[str, Any]) -> None:
        assert deployment["work_pool"]["name"] == POOL
        assert deployment["work_pool"]["work_queue_name"]

    def test_is_described_and_so_is_each_parameter(self, deployment: dict[str, Any]) -> None:
        assert deployment["description"].strip()
        flow = flow_of(deployment)
        for name, schema in flow.parameters.properties.items():
            assert schema.get("description"), f"{flow.name}: {name} has no description for the UI's form"

    def test_given_parameters_are_in_the_signature(self, deployment: dict[str, Any]) -> None:
        signature = inspect.signature(flow_of(deployment).fn)
        given = set(deployment.get("parameters", {}))
        for schedule in deployment.get("schedules", []):
            given |= set(schedule.get("parameters", {}))
        assert given <= set(signature.parameters)


@pytest.mark.parametrize(("deployment", "trigger"), TRIGGERS, ids=names([each for _, each in TRIGGERS]))
class TestTrigger:
    def test_keys_are_known(self, deployment: dict[str, Any], trigger: dict[str, Any]) -> None:
        assert set(trigger) <= KEYS["trigger"], "`expects` for `expect` would match every event there is"

    def test_says_what_it_waits_for(self, deployment: dict[str, Any], trigger: dict[str, Any]) -> None:
        assert trigger["expect"]
        assert trigger["match"]["prefect.resource.id"].startswith("flipgate.")
        assert trigger["posture"] == "Reactive"

    def test_parameters_are_those_of_the_signature(self, deployment: dict[str, Any], trigger: dict[str, Any]) -> None:
        parameters = inspect.signature(flow_of(deployment).fn).parameters
        needed = {name for name, each in parameters.items() if each.default is inspect.Parameter.empty}
        assert needed <= set(trigger["parameters"]) <= set(parameters)


def test_each_flow_has_one_deployment() -> None:
    assert sorted(names(DEPLOYMENTS)) == sorted(all_flows())


def test_pipelines_that_steps_start_are_deployed() -> None:
    started = {
        pipelines.DEPLOY_DARK,
        pipelines.FLIP_TRAFFIC,
        pipelines.SCALE_DOWN,
        pipelines.ROLL_BACK,
        pipelines.RECONCILE,
    }
    assert started <= set(names(DEPLOYMENTS))


def test_reconcile_is_overdue_by_the_interval_that_it_is_scheduled_at() -> None:
    (reconcile,) = [each for each in DEPLOYMENTS if each["name"] == "reconcile"]
    assert [each["interval"] for each in reconcile["schedules"]] == [INTERVAL.total_seconds()]
    assert all(each.get("active", True) for each in reconcile["schedules"])


def test_it_is_written_for_the_prefect_that_is_locked() -> None:
    assert DOCUMENT["prefect-version"] == version("prefect")


def test_the_build_event_deploys_dark_once() -> None:
    waiting = [each["name"] for each, trigger in TRIGGERS if runs.BUILD_COMPLETED in trigger["expect"]]
    assert waiting == [pipelines.BUILD_COMPLETED]


def test_top_level_keys_are_known() -> None:
    assert set(DOCUMENT) <= KEYS["file"]


def test_pull_is_stated_and_names_no_checkout() -> None:
    (step,) = DOCUMENT["pull"]
    ((name, arguments),) = step.items()
    module, _, function = name.rpartition(".")
    assert set(arguments) <= set(inspect.signature(getattr(importlib.import_module(module), function)).parameters)
    assert not str(arguments["directory"]).startswith("/")


def test_the_server_is_told_of_the_blocks_by_deploying_and_once() -> None:
    from blocks import cluster

    assert [each["push"] for each in DEPLOYMENTS if "push" in each] == [[{"blocks.cluster.register": {}}]]
    assert not inspect.signature(cluster.register).parameters


def test_nothing_waits_in_front_of_the_way_back() -> None:
    queues = {each["name"]: each["work_pool"]["work_queue_name"] for each in DEPLOYMENTS}
    assert list(queues.values()).count(queues[pipelines.ROLL_BACK]) == 1


def test_announced_builds_wait_in_a_queue_of_their_own_which_is_made_last() -> None:
    """Prefect gives a new queue the lowest priority of its pool: all else goes first, however many builds wait."""
    queues = [each["work_pool"]["work_queue_name"] for each in DEPLOYMENTS]
    assert DEPLOYMENTS[-1]["name"] == pipelines.BUILD_COMPLETED
    assert queues.count(queues[-1]) == 1


def test_the_pool_s_template_leaves_a_run_nothing_to_choose_and_no_deployment_chooses() -> None:
    template = json.loads((CHECKOUT / "deployments" / "work-pool.json").read_text())
    assert template["variables"] == {"type": "object", "properties": {}, "additionalProperties": False}
    assert template["job_configuration"], "Prefect refuses an empty one"
    assert "{{" not in json.dumps(template)
    assert not any(each["work_pool"]["job_variables"] for each in DEPLOYMENTS)


def test_what_others_send_reaches_a_run_as_text() -> None:
    """Prefect leaves text in a run's parameters as it is; of objects it makes what they refer to."""
    for _, trigger in TRIGGERS:
        for parameter in trigger["parameters"].values():
            assert isinstance(parameter, str) or parameter["__prefect_kind"] == "jinja"

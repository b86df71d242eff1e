"""deployments/: the rights that are handed out there are what `flipgate check --rbac` prints for the example."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import yaml
from click.testing import CliRunner

from flipgate.cli import cli
from flipgate.cli import slack as slack_verb
from tests.core.source import ROOT

TEXT = (ROOT / "deployments" / "rbac.yaml").read_text()
OBJECTS = list(yaml.safe_load_all(TEXT))


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {obj["metadata"]["namespace"]: obj for obj in OBJECTS if obj["kind"] == kind}


def test_it_is_what_the_command_on_top_of_it_prints() -> None:
    printed_by = next(line for line in TEXT.splitlines() if line.startswith("# Printed by: "))
    command = printed_by.removeprefix("# Printed by: flipgate ").partition(". Print")[0].split()
    where = command.index("-f") + 1
    command[where] = str(ROOT / command[where])
    printed = CliRunner().invoke(cli, command, prog_name="flipgate")
    assert printed.stdout.replace(f"{ROOT}/", "") == TEXT, "uv run flipgate check ... > deployments/rbac.yaml"


def test_every_role_is_bound_to_the_one_account_and_nothing_is_cluster_wide() -> None:
    roles, bindings = of_kind("Role"), of_kind("RoleBinding")
    assert (
        roles.keys() == bindings.keys() == {"flipgate", "production-blue", "production-green", "monitoring", "traefik"}
    )
    for namespace, binding in bindings.items():
        assert binding["roleRef"]["name"] == roles[namespace]["metadata"]["name"]
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "flipgate", "namespace": "flipgate"}]
    assert {obj["kind"] for obj in OBJECTS} == {"Namespace", "ServiceAccount", "Role", "RoleBinding"}


def test_no_secret_is_given_but_those_that_the_example_wants_equal_each_by_its_name() -> None:
    rules = [rule for role in of_kind("Role").values() for rule in role["rules"]]
    assert not [rule for rule in rules if "*" in str(rule)]
    given = [rule for rule in rules if "secrets" in rule["resources"]]
    assert {(*rule["verbs"], *rule["resourceNames"]) for rule in given} == {("get", "azure-app-config")}


def test_slack_runs_as_its_own_account_with_its_tokens_from_a_secret() -> None:
    pod = yaml.safe_load((ROOT / "deployments" / "slack.yaml").read_text())["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["serviceAccountName"] == "flipgate-slack"
    where = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in container["env"] if "valueFrom" in each}
    assert where == {
        "SLACK_BOT_TOKEN": {"name": "flipgate-slack", "key": "bot-token"},
        "SLACK_APP_TOKEN": {"name": "flipgate-slack", "key": "app-token"},
    }
    assert set(where) <= set(re.findall("SLACK_[A-Z]+_TOKEN", str(slack_verb.slack.sections)))
    verb = slack_verb.slack.make_context("slack", container["command"][2:])
    assert verb.params["apps"] == ("sportsdata",)


def test_the_manifest_of_the_slack_app_has_the_scopes_that_are_used_and_turns_socket_mode_on() -> None:
    page = (ROOT / "docs" / "slack.md").read_text()
    manifest = yaml.safe_load(textwrap.dedent(page.partition("```yaml\n")[2].partition("```")[0]))
    assert manifest["oauth_config"]["scopes"] == {"bot": ["chat:write", "usergroups:read"]}
    assert manifest["settings"]["socket_mode_enabled"]
    assert manifest["settings"]["interactivity"]["is_enabled"]

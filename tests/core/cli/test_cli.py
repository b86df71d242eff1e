"""The command line as far as it goes without a cluster: help, bad input, and worlds that do not answer."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from flipgate.cli import VERBS, cli
from tests.core.answering import answering
from tests.core.source import ROOT

EXAMPLE = ROOT / "examples/sportsdata/flipgate.yaml"
WRITTEN = [name for name in VERBS if (ROOT / "flipgate/cli" / f"{name.replace('-', '_')}.py").exists()]
NESTED = [["lab", "up"], ["lab", "down"], ["lab", "status"], ["lab", "logs"], ["event", "build"]]
CLUSTER_LINES = [
    ["check", "-f", str(EXAMPLE)],
    ["apply", "-f", str(EXAMPLE)],
    ["apply", "-f", str(EXAMPLE), "--dry-run"],
    ["adopt", "shop"],
    ["status"],
    ["status", "shop"],
    ["deploy", "shop", "--image", "web=acme/web:2"],
    ["flip", "shop"],
    ["approve", "shop", "--reason", "fine"],
    ["reject", "shop", "--reason", "not fine"],
    ["rollback", "shop", "--reason", "orders fail"],
    ["contract", "shop", "--reason", "legacy_id is gone"],
    ["scale-down", "shop"],
    ["history", "shop"],
    ["history", "shop", "3f2a9c01d4e8-1"],
]


def run(*args: str, **env: str | None) -> Result:
    usual: dict[str, str | None] = {"KUBECONFIG": None, "FLIPGATE_DEBUG": None}
    return CliRunner().invoke(cli, list(args), env=usual | env, prog_name="flipgate")


def refusal(code: int, *args: str) -> str:
    """What a line says that ends with this code."""
    result = run(*args)
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("error: ")
    assert result.stdout == ""
    return result.stderr


def succeeds(script: str, *args: str, home: Path) -> None:
    """By itself: what it imports counts."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "VIRTUAL_ENV")}
    command = [sys.executable, "-c", script, *args]
    done = subprocess.run(command, capture_output=True, text=True, env={**kept, "HOME": str(home)}, check=False)
    assert done.returncode == 0, done.stderr


def kubeconfig(folder: Path, server: str) -> Path:
    path = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "it", "user": "me"}}],
        "clusters": [{"name": "it", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def closed_port() -> int:
    """A loopback port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def nowhere(tmp_path: Path, closed_port: int) -> Path:
    return kubeconfig(tmp_path, f"http://127.0.0.1:{closed_port}")


# Help


@pytest.mark.parametrize("verb", [[], *([name] for name in WRITTEN), *NESTED], ids=" ".join)
def test_every_help_ends_with_examples(verb: list[str]) -> None:
    result = run(*verb, "--help")

    assert result.exit_code == 0, result.output
    usage, _, examples = result.stdout.partition("\nExamples:\n")
    assert usage.startswith(f"Usage: {' '.join(['flipgate', *verb])}")
    assert all(line.startswith(f"  {' '.join(['flipgate', *verb])}") or "$(" in line for line in examples.splitlines())
    assert examples


def test_the_list_of_verbs_says_what_the_verbs_say_of_themselves() -> None:
    shown = run("--help").stdout
    context = click.Context(cli)
    for name in WRITTEN:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert f"  {name}" in shown


def test_help_imports_neither_prefect_nor_kubernetes_nor_pydantic(tmp_path: Path) -> None:
    script = """
import sys
from click.testing import CliRunner
from flipgate.cli import cli
for verb in sys.argv[1:]:
    result = CliRunner().invoke(cli, [*verb.split(), "--help"])
    assert result.exit_code == 0, result.output
heavy = {"prefect", "kubernetes", "pydantic", "yaml", "httpx", "slack_sdk", "lab", "urllib3"} & set(sys.modules)
assert not heavy, heavy
"""
    succeeds(script, "", *WRITTEN, *(" ".join(verb) for verb in NESTED), home=tmp_path)


def test_going_back_and_the_history_import_no_prefect(tmp_path: Path, nowhere: Path) -> None:
    script = """
import sys
import flipgate.cli._story, flipgate.cli._story_text
from flipgate.cli import cli
for line in (["rollback", "shop", "--reason", "orders fail"], ["history", "shop", "3f2a"]):
    try:
        cli.main([*line, "--kubeconfig", sys.argv[1]])
    except SystemExit as end:
        assert end.code == 1
assert "flipgate.steps.going_back.roll_back" in sys.modules
import flipgate.steps.going_back.abort, flipgate.steps.going_back.once_back, flipgate.steps.going_back.without_record
assert not {"prefect", "flipgate.adapters.runs", "prometheus_api_client"} & set(sys.modules)
"""
    succeeds(script, str(nowhere), home=tmp_path)


def test_users_do_not_wait_for_what_follows_a_rollback_to_be_imported(tmp_path: Path, nowhere: Path) -> None:
    """Half of the time from Enter to the routes' patch is imports. A module costs half a millisecond: where this fails
    for one that is needed before the patch, raise the number."""
    script = """
import sys
from flipgate.cli import cli
try:
    cli.main(["rollback", "shop", "--reason", "orders fail", "--kubeconfig", sys.argv[1]])
except SystemExit as end:
    assert end.code == 1
ours = {name for name in sys.modules if name.startswith("flipgate.")}
assert "flipgate.steps.going_back.roll_back" in ours
late = {"going_back.once_back", "going_back.abort", "going_back.without_record", "moving.jobs", "moving.run_task"}
assert not {f"flipgate.steps.{name}" for name in late} & ours
assert not {"flipgate.adapters.git", "flipgate.adapters.chat", "flipgate.adapters.proxy", "difflib", "html"} & set(
    sys.modules
)
assert len(ours) <= 200, len(ours)
"""
    succeeds(script, str(nowhere), home=tmp_path)


# Usage


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["statsu"], 'unknown verb "statsu"; did you mean "status"? Try: flipgate --help'),
        (["status", "--wach"], "No such option '--wach'"),
        (["approve"], "Missing argument 'APP'. Try: flipgate approve --help"),
        (["check"], "give either APP, as it was applied, or -f FILE. Try: flipgate check --help"),
        (["rollback", "shop", "--reason", "x", "--to", "red"], "'red' is not one of 'blue', 'green'"),
        (["event", "build", "shop", "--id", "7"], "'7' is not a valid UUID"),
        (["event", "build", "shop"], "event build: names no image."),
        (["event", "build", "shop", "--image", "web=acme/web"], 'image "acme/web": has neither tag nor digest'),
        (["deploy", "shop", "--image", "web"], '--image "web": is not NAME=REF'),
        (["deploy", "shop", "--image", "w=a:1", "--image", "w=a:2"], '--image "w=a:2": names w a second time'),
        (["approve", "shop"], "approve: needs a reason"),
        (
            ["reject", "shop"],
            "reject: needs a reason: the next reader of the history will ask for it. Left untouched: "
            'everything. Next: flipgate reject shop --reason "..."',
        ),
        (["reject", "shop", "--reason", "  "], "reject: needs a reason"),
        (["rollback", "shop"], "rollback: needs a reason"),
        (["contract", "shop"], "contract: needs a reason"),
        (
            ["check", "-f", "/no/such/file", "--offline"],
            "file /no/such/file: cannot be read: No such file or directory.",
        ),
        (["check", "-f", str(EXAMPLE), "--admission", "--writers", ""], "--writers names no group: it is empty."),
        (["check", "-f", "/", "--offline"], "file /: cannot be read: Is a directory."),
        (["lab", "up", "--tier", "api", "--metrics"], "lab default: --metrics needs the full lab: in --tier api"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_usage_is_a_sentence_and_exit_code_2(typed: list[str], said: str) -> None:
    assert said in refusal(2, *typed)


def test_it_says_its_version() -> None:
    said = run("--version")
    assert (said.exit_code, said.stdout) == (0, f"flipgate {version('flipgate')}\n")


def test_nothing_typed_shows_the_help() -> None:
    result = run()

    assert result.exit_code == 2
    assert "Verbs:" in result.output


@pytest.mark.parametrize("flag", [["-o", "json"], ["-ojson"], ["--output", "json"], ["--output=json"]], ids=" ".join)
def test_with_o_json_errors_are_json_too(flag: list[str]) -> None:
    refused = json.loads(run("reject", "shop", *flag).stderr)["error"]
    assert refused == {
        "reason": "BadInput",
        "object": "reject",
        "fact": "needs a reason: the next reader of the history will ask for it",
        "untouched": "everything",
        "next": 'flipgate reject shop --reason "..."',
    }

    misspelt = json.loads(run("status", "--wach", *flag).stderr)["error"]
    assert misspelt["reason"] == "Usage"
    assert misspelt["next"] == "flipgate status --help"


def test_what_nobody_expected_is_a_sentence_and_debug_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(_filename: str) -> None:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr("flipgate.cli.check.read_to_check", burst)
    plain = run("check", "-f", "x")
    with_trace = run("check", "-f", "x", "--debug")

    assert plain.exit_code == with_trace.exit_code == 1
    assert plain.stderr.startswith("error: unexpected ZeroDivisionError: by design. Next: the same again with --debug")
    assert "Traceback" not in plain.stderr
    assert "Traceback" in with_trace.stderr
    assert "in burst" in with_trace.stderr
    assert "Traceback" in run("check", "-f", "x", FLIPGATE_DEBUG="1").stderr
    assert "Traceback" not in run("check", "-f", "x", FLIPGATE_DEBUG="0").stderr


# Files


def test_offline_check_of_the_example() -> None:
    result = run("check", "-f", str(EXAMPLE), "--offline")

    assert (result.exit_code, result.stdout) == (0, "ok: sportsdata, 10 services, 1 route\n")


def test_offline_check_as_data_and_from_stdin() -> None:
    line = ["check", "-f", "-", "--offline", "-o", "json"]
    result = CliRunner().invoke(cli, line, input=EXAMPLE.read_text())

    counted = {"application": "sportsdata", "services": 10, "routes": 1}
    assert json.loads(result.stdout) == {**counted, "online": False, "ok": True, "problems": []}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("readyTimeoutSeconds", "readyTimeoutSecond"), 'did you mean "readyTimeoutSeconds"?'),
        (("namespace: production-green", "namespace: production-blue"), 'both sides are namespace "production-blue"'),
        (("service: venue-", "service: vneue-"), 'did you mean "venue-football-ncaa"?'),
    ],
)
def test_a_file_that_cannot_be_meant(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = tmp_path / "flipgate.yaml"
    path.write_text(EXAMPLE.read_text().replace(*change))
    told = refusal(2, "check", "-f", str(path), "--offline")

    assert told.startswith(f"error: {path}: line ")
    assert said in told


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "flipgate.yaml"
    path.write_bytes(b"kind: \xff")
    told = refusal(2, "apply", "-f", str(path))

    assert told == f"error: file {path}: is not UTF-8 text (byte 6). Left untouched: the cluster.\n"


# Clusters that cannot be asked


@pytest.mark.parametrize("line", CLUSTER_LINES, ids=lambda line: " ".join(line[:2]))
def test_no_cluster_is_a_sentence(line: list[str], nowhere: Path) -> None:
    told = refusal(1, *line, "--kubeconfig", str(nowhere))

    assert told.startswith("error: API server http://127.0.0.1:")
    assert "Connection refused" in told
    assert len(told.splitlines()) == 1


def test_the_kubeconfig_is_found_as_kubectl_finds_it(nowhere: Path) -> None:
    result = run("status", "-o", "json", KUBECONFIG=str(nowhere))

    assert result.exit_code == 1
    assert json.loads(result.stderr)["error"]["reason"] == "Unreachable"


@pytest.mark.parametrize("text", [None, "", "hello", "{no: [", "kind: Config", "current-context: x\ncontexts: 7"])
def test_a_kubeconfig_that_is_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    told = refusal(2, "status", "--kubeconfig", str(path))

    assert told.startswith(f"error: kubeconfig {path}: cannot be used: ")
    assert "Next: kubectl config get-contexts" in told


def test_a_wrong_context_is_told_with_those_there_are(nowhere: Path) -> None:
    told = refusal(2, "rollback", "shop", "--reason", "x", "--kubeconfig", str(nowhere), "--context", "elsewhere")

    assert told == "error: context elsewhere: is not in the kubeconfig (it has: here). Left untouched: everything.\n"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>a captive portal</html>", "answered 200 with something that is not JSON"),
        (500, b"etcd is away", "the API server said 500: etcd is away"),
        (503, b'{"message": "shutting down"}', "the API server said 503: shutting down"),
        (403, b'{"message": "user me cannot get configmaps"}', "user me cannot get configmaps"),
        (401, b'{"message": "Unauthorized"}', "the API server said 401: Unauthorized"),
    ],
)
@pytest.mark.parametrize("line", [["status"], ["status", "shop"], ["rollback", "shop", "--reason", "x"]], ids=" ".join)
def test_an_api_server_on_a_bad_day(tmp_path: Path, line: list[str], status: int, body: bytes, said: str) -> None:
    with answering(status, body) as there:
        assert said in refusal(1, *line, "--kubeconfig", str(kubeconfig(tmp_path, there.url)))
    assert there.asked


# Prefect that cannot be asked


@pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds
def test_an_event_without_prefect_is_a_sentence(closed_port: int) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{closed_port}/api"}):
        done = run("event", "build", "shop", "--image", "web=acme/web:2", "-o", "json")

    assert done.exit_code == 1
    assert json.loads(done.stderr)["error"]["reason"] == "Unreachable"
    assert done.stdout == ""

"""What an image build runs to tell flipgate, as each CI would run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml

from flipgate.core.spec.build_event import BuildEvent, read_build
from lab.machine.paths import CHECKOUT
from tests.core.answering import Answering, answering

CI = CHECKOUT / "deployments" / "ci"
SCRIPT = str(CI / "build-completed.sh")
LOGIN = 'ci:p"a\\ss'
GIVEN = {"BUILD_ID": "77", "PREFECT_API_AUTH_STRING": LOGIN}


def run(there: Answering, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    path = {"PATH": os.environ["PATH"], "PREFECT_API_URL": f"{there.url}/api"}
    return subprocess.run(command, cwd=CHECKOUT, env=path | env, capture_output=True, text=True, timeout=60)


def event(there: Answering) -> dict[str, Any]:
    ((path, body),) = there.asked
    assert path == "/api/events"
    (found,) = json.loads(body)
    assert isinstance(found, dict)
    return found


def read(there: Answering) -> BuildEvent:
    found = event(there)
    return read_build(found["resource"]["prefect.resource.id"], found["payload"])


def steps(name: str) -> list[str]:
    """The lines that tell flipgate, with what each CI itself puts in before a shell sees them."""
    document = yaml.safe_load((CI / name).read_text())
    if name == "gitlab-ci.yml":
        return list(document["tell-flipgate"]["script"])
    if name == "github-actions.yml":
        return [step["run"] for step in document["jobs"]["image"]["steps"] if "run" in step]
    return [re.sub(r"\$\(Build\.BuildId\)", "77", step["script"]) for step in document["steps"]]


@pytest.mark.parametrize("name", ["azure-pipelines.yml", "github-actions.yml", "gitlab-ci.yml"])
def test_each_snippet_sends_an_event_that_is_read_and_logs_in(name: str) -> None:
    (line,) = steps(name)
    with answering(204, b"") as there:
        done = run(there, "sh", "-e", "-c", line, GITHUB_RUN_NUMBER="77", CI_PIPELINE_IID="77", **GIVEN)
    assert done.returncode == 0, done.stderr
    assert read(there) == BuildEvent("sportsdata", {"api-all": "sportsdata/api:77"})
    assert there.authorized == ["Basic " + b64encode(LOGIN.encode()).decode()]
    assert LOGIN not in done.stdout + done.stderr


def test_the_snippets_name_every_variable_that_the_script_reads() -> None:
    for name in ("azure-pipelines.yml", "github-actions.yml"):
        text = (CI / name).read_text()
        assert all(f"{variable}: $" in text for variable in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING", "BUILD_ID"))


def test_without_a_login_none_is_sent_and_a_key_is_a_bearers() -> None:
    with answering(204, b"") as there:
        run(there, SCRIPT, "shop", "web=shop/web:2")
        run(there, SCRIPT, "shop", "web=shop/web:2", PREFECT_API_KEY="k-1")
    assert there.authorized == ["", "Bearer k-1"]


def test_nothing_secret_is_an_argument_that_all_of_the_machine_may_read(tmp_path: Path) -> None:
    seen, real = tmp_path / "arguments", shutil.which("curl")
    spy = tmp_path / "curl"
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {seen}\nexec {real} "$@"\n')
    spy.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    with answering(204, b"") as there:
        url = there.url.replace("//", "//ci:in-the-address@") + "/api"
        done = run(there, SCRIPT, "shop", "web=shop/web:2", PATH=path, PREFECT_API_URL=url)
        run(there, SCRIPT, "shop", "web=shop/web:2", PATH=path, PREFECT_API_AUTH_STRING="ci:of-its-own")
    sent = (b"ci:in-the-address", b"ci:of-its-own")
    assert there.authorized == [f"Basic {b64encode(each).decode()}" for each in sent]
    said = done.stdout + done.stderr + seen.read_text()
    assert "in-the-address" not in said
    assert "of-its-own" not in said


ODD = 'a/b:1"},"again":true,"x":{"y":"\\'


def test_what_an_image_is_called_cannot_become_json_of_its_own() -> None:
    with answering(204, b"") as there:
        done = run(there, SCRIPT, 'shop"', f"web={ODD}", '"api=a/b:2')
    assert done.returncode == 0, done.stderr
    found = event(there)
    assert found["resource"] == {"prefect.resource.id": 'flipgate.application.shop"'}
    assert found["payload"] == {"application": 'shop"', "images": {"web": ODD, '"api': "a/b:2"}}


@pytest.mark.parametrize("words", [("sh\nop", "web=a/b:1"), ("shop", "web=a/b:1\n"), ("shop", "web=a/b:\t1")])
def test_a_name_with_a_line_break_or_a_tab_is_a_typing_error(words: tuple[str, str]) -> None:
    with answering(204, b"") as there:
        done = run(there, SCRIPT, *words)
    assert done.returncode == 2
    assert "has a character that no name has" in done.stderr
    assert there.asked == []


def test_the_same_build_told_twice_has_one_id_and_two_images_of_one_pipeline_have_two() -> None:
    with answering(204, b"") as there:
        for image in ("web=shop/web:2", "web=shop/web:2", "api=shop/api:2"):
            run(there, SCRIPT, "shop", image, BUILD_ID="7")
    first, second, other = (json.loads(body)[0]["id"] for _, body in there.asked)
    assert first == second != other


def test_a_server_that_does_not_take_it_fails_the_build() -> None:
    with answering(401, b"") as there:
        done = run(there, "sh", "-c", f"sed s/--retry\\ 5/--retry\\ 0/ {SCRIPT} | sh -s shop web=shop/web:2")
    assert done.returncode == 22
    assert "401" in done.stderr


@pytest.mark.parametrize(("said", "again"), [({"AGAIN": "true"}, True), ({}, None)])
def test_a_tag_that_was_pushed_anew_is_said_to_be(said: dict[str, str], again: bool | None) -> None:
    with answering(204, b"") as there:
        run(there, SCRIPT, "shop", "web=shop/web:main", **said)
    ((_, body),) = there.asked
    assert json.loads(body)[0]["payload"].get("again") is again

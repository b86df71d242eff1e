"""Whom the lab ends: the very process it started, never one that got its number later."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from lab.control import labs
from lab.control.records import Record
from lab.machine import paths
from lab.machine.errors import LabError
from lab.machine.processes import Identity


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def _identity(process: subprocess.Popen[bytes]) -> Identity:
    found = Identity.of(process.pid)
    assert found is not None
    return found


def _dead_lab(keeper: Identity) -> Path:
    """What a lab leaves whose starter noted this process."""
    folder = paths.lab_dir("old")
    folder.mkdir(parents=True)
    Record("full", keeper, "https://127.0.0.1:1", "http://127.0.0.1:2", 50, ready=True).write(folder)
    return folder


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another"}])
def test_down_leaves_a_stranger_alone_and_clears_the_rest(
    stranger: subprocess.Popen[bytes], change: dict[str, int | str]
) -> None:
    folder = _dead_lab(Identity(**asdict(_identity(stranger)) | change))
    assert labs.status("old").state == "dead"
    assert labs.down("old") is True
    assert stranger.poll() is None
    assert not folder.exists()


def test_down_ends_the_very_process(stranger: subprocess.Popen[bytes]) -> None:
    _dead_lab(_identity(stranger))
    assert labs.status("old").state == "running"
    assert labs.down("old") is True
    assert stranger.wait(5) == -9


def test_a_zombie_counts_as_gone(stranger: subprocess.Popen[bytes]) -> None:
    identity = _identity(stranger)
    assert identity.kill()
    assert identity.wait(5)
    assert Identity.of(stranger.pid) is None
    assert not identity.kill()


def test_a_lab_without_a_note_is_dead_and_can_be_cleared() -> None:
    paths.lab_dir("half").mkdir(parents=True)
    assert labs.status("half").state == "dead"
    assert labs.names() == ("half",)
    assert labs.down("half") is True
    assert labs.names() == ()


def test_a_note_that_cannot_be_read_is_none() -> None:
    folder = _dead_lab(replace(Identity(1, 1, "x"), pid=2))
    (folder / "lab.json").write_text('{"tier": "full"')
    assert Record.read(folder) is None


def test_a_lab_without_a_door_to_prometheus_is_told_to_be_started_anew(stranger: subprocess.Popen[bytes]) -> None:
    _dead_lab(_identity(stranger))
    with pytest.raises(LabError, match=r"older flipgate.*down --name old, then flipgate lab up --name old --m"):
        labs.up("old", metrics=True)
    assert labs.status("old").state == "running", "it goes on as it was"


def test_the_urls_of_prometheus_are_told_only_where_it_runs(stranger: subprocess.Popen[bytes]) -> None:
    door, other = "http://127.0.0.1:3", "http://127.0.0.1:4"
    record = Record("full", _identity(stranger), "", "", 50, True, prometheus_url=door, alertmanager_url=other)
    lab = record.lab(paths.lab_dir("one"))
    assert (lab.prometheus_url, lab.alertmanager_url) == ("", "")
    lab = replace(record, metrics=True).lab(paths.lab_dir("one"))
    assert (lab.prometheus_url, lab.alertmanager_url) == (door, other)


def test_a_lab_without_a_door_to_git_is_told_to_be_started_anew(stranger: subprocess.Popen[bytes]) -> None:
    _dead_lab(_identity(stranger))
    with pytest.raises(LabError, match=r"older flipgate.*down --name old, then flipgate lab up --name old --flux"):
        labs.up("old", flux=True)
    assert labs.status("old").state == "running", "it goes on as it was"


def test_the_url_of_the_git_server_is_told_only_where_flux_runs(stranger: subprocess.Popen[bytes]) -> None:
    record = Record("full", _identity(stranger), "", "", 50, True, git_url="http://127.0.0.1:5")
    assert record.lab(paths.lab_dir("one")).git_url == ""
    assert replace(record, flux=True).lab(paths.lab_dir("one")).git_url == record.git_url


def test_no_lab_of_that_name() -> None:
    assert labs.status("none").state == "absent"
    assert labs.down("none") is False
    assert labs.logs("none") == {}


@pytest.mark.parametrize("name", ["", "..", "a/b", "Upper", "-a", "a-", "a" * 41])
def test_names_that_would_not_do(name: str) -> None:
    with pytest.raises(LabError, match="no name for a lab"):
        labs.status(name)

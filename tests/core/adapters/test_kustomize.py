"""The program that renders: one that is not there, never ends, or says more than it should."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from flipgate.adapters import kustomize, programs
from flipgate.core.git.rendered import read_rendered
from flipgate.core.values.errors import BadInput, PermanentError, Unreachable


def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    path = tmp_path / "kustomize"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    monkeypatch.setenv(kustomize.PROGRAM_VARIABLE, str(path))
    return path


def test_one_that_never_ends_is_ended_with_all_that_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, monkeypatch, f"sleep 600 & echo $! > {tmp_path}/started\nwait")
    monkeypatch.setattr(kustomize, "SECONDS", 0.5)
    with pytest.raises(Unreachable, match="no end"):
        kustomize.render(tmp_path, "overlay")
    state = Path("/proc") / (tmp_path / "started").read_text().strip() / "stat"
    until = time.monotonic() + 5
    while state.exists() and ") Z " not in state.read_text():
        assert time.monotonic() < until, "it runs on"
        time.sleep(0.01)


def test_one_that_writes_without_end_is_ended_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, monkeypatch, f"echo $$ > {tmp_path}/started\nexec cat /dev/zero")
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match=f"wrote more than {programs.OUTPUT_BYTES:,} bytes"):
            kustomize.render(tmp_path, "overlay")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * programs.OUTPUT_BYTES
    assert not (Path("/proc") / (tmp_path / "started").read_text().strip()).exists()


def test_one_that_is_not_there_or_may_not_be_run_is_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(tmp_path, monkeypatch, "")
    path.chmod(0o644)
    with pytest.raises(PermanentError, match="cannot be run here"):
        kustomize.render(tmp_path, "overlay")
    path.unlink()
    with pytest.raises(PermanentError, match="cannot be run here"):
        kustomize.render(tmp_path, "overlay")


def test_what_it_says_is_printed_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, monkeypatch, "echo 'fetching https://me:s3cret@git.example/x' >&2; exit 1")
    with pytest.raises(BadInput, match="does not render") as error:
        kustomize.render(tmp_path, "overlay")
    assert "s3cret" not in str(error.value)


def test_an_equals_sign_is_a_word() -> None:
    assert read_rendered("kind: A\nmetadata: {name: a}\nspec: {enum: [=, '!=']}\n", "x")["A /a"]["spec"] == {
        "enum": ["=", "!="]
    }


def test_it_is_told_nothing_that_lets_it_in_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remote base is fetched by what stands in a repository."""
    program(tmp_path, monkeypatch, "env | sed 's/^/# /'")
    monkeypatch.setenv("GITHUB_TOKEN", "not-a-real-token")
    monkeypatch.setenv("PREFECT_API_KEY", "not-a-real-key")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    said = kustomize.render(tmp_path, "overlay")
    assert "# PATH=" in said
    assert "not-a-real" not in said
    assert "SSH_AUTH_SOCK" not in said
    assert "# GIT_CONFIG_GLOBAL=/dev/null" in said, "nor by what the repository has in a file of that name"
    assert "# HOME=/dev/null" in said

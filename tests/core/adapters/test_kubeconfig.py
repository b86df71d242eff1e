"""Which cluster is asked, and as whom: as kubectl finds it, from one file or several, each read once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.config.kube_config import KubeConfigMerger

from flipgate.adapters.connection import Connection
from flipgate.core.values.errors import BadInput


def config(name: str, user: dict[str, Any] | None = None, *, current: bool = True) -> dict[str, Any]:
    """A kubeconfig with one cluster, one user and one context, all called the same."""
    found: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": f"http://{name}.test:8080/"}}],
        "users": [{"name": name, "user": user or {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    return found | ({"current-context": name} if current else {})


def written(path: Path, found: dict[str, Any]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(found))
    return path


def test_each_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading takes a third of a second for a hundred clusters, while somebody waits to go back."""
    read: list[str] = []
    loads = KubeConfigMerger.load_config

    def counted(self: Any, path: str) -> Any:
        read.append(path)
        return loads(self, path)

    monkeypatch.setattr(KubeConfigMerger, "load_config", counted)
    path = written(tmp_path / "a", config("a", {"token": "t", "as": "eve"}))
    assert Connection.connect(path).server == "http://a.test:8080"
    assert read == [str(path)]


def test_a_context_that_is_named_needs_no_current_one(tmp_path: Path) -> None:
    path = written(tmp_path / "a", config("a", current=False))
    assert Connection.connect(path, "a").context == "a"
    with pytest.raises(BadInput, match=r"names no current context, and --context names none \(it has: a\)"):
        Connection.connect(path)


def test_of_several_files_the_first_has_the_word(tmp_path: Path) -> None:
    second = config("b", {"token": "t"}, current=False)
    second["users"].append({"name": "a", "user": {"as": "eve"}})
    files = [written(tmp_path / "one", config("a", {"token": "t"})), written(tmp_path / "two", second)]
    both = os.pathsep.join(map(str, files))
    assert Connection.connect(both).context == "a"
    assert Connection.connect(both)._acting_as == ()
    assert Connection.connect(both, "b").server == "http://b.test:8080"


def test_a_path_is_looked_up_beside_the_file_that_names_it(tmp_path: Path) -> None:
    user = {"tokenFile": "token"}
    files = [written(tmp_path / "x" / "one", config("a")), written(tmp_path / "y" / "two", config("b", user))]
    (tmp_path / "y" / "token").write_text("of y")
    connection = Connection.connect(os.pathsep.join(map(str, files)), "b")
    assert connection._authorization() == {"authorization": "Bearer of y"}


def test_a_token_that_was_renewed_is_written_back(tmp_path: Path) -> None:
    """The next program would have to ask for another login."""
    program = tmp_path / "login"
    said = {"credential": {"access_token": "new", "token_expiry": "2999-01-01T00:00:00Z"}}
    program.write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    program.chmod(0o755)
    asks = {"cmd-path": str(program)}
    path = written(tmp_path / "a", config("a", {"auth-provider": {"name": "gcp", "config": asks}}))
    assert Connection.connect(path)._authorization() == {"authorization": "Bearer new"}
    kept = yaml.safe_load(path.read_text())["users"][0]["user"]["auth-provider"]["config"]
    assert kept["access-token"] == "new"


@pytest.mark.parametrize("key", ["contexts", "users", "clusters"])
@pytest.mark.parametrize("wrong", [[None], ["a"], [{}], [{"name": "a"}], {"a": 1}], ids=str)
def test_what_is_no_kubeconfig_is_said(tmp_path: Path, key: str, wrong: Any) -> None:
    path = written(tmp_path / "a", config("a") | {key: wrong})
    with pytest.raises(BadInput, match="kubeconfig"):
        Connection.connect(path)

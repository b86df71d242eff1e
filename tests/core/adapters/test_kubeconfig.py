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


@pytest.mark.parametrize("second", ["b", ""], ids=["its own", "an empty one"])
def test_of_several_files_the_first_has_the_word(tmp_path: Path, second: str) -> None:
    """As kubectl has it. Another one's context would be another cluster."""
    other = config("b", {"token": "t"}) | {"current-context": second}
    other["users"].append({"name": "a", "user": {"as": "eve"}})
    files = [written(tmp_path / "one", config("a", {"token": "t"})), written(tmp_path / "two", other)]
    both = os.pathsep.join(map(str, [tmp_path / "none", *files]))
    assert Connection.connect(both).context == "a"
    assert Connection.connect(both)._acting_as == ()
    assert Connection.connect(both, "b").server == "http://b.test:8080"


def test_the_current_context_is_the_first_that_is_named(tmp_path: Path) -> None:
    files = [written(tmp_path / "one", config("a", current=False)), written(tmp_path / "two", config("b"))]
    assert Connection.connect(os.pathsep.join(map(str, files))).context == "b"


def test_a_context_beside_it_may_have_any_name(tmp_path: Path) -> None:
    found = config("a")
    found["contexts"].append({"name": 5, "context": {}})
    path = written(tmp_path / "a", found)
    assert Connection.connect(path).context == "a"
    with pytest.raises(BadInput, match=r"context c: is not in the kubeconfig \(it has: 5, a\)"):
        Connection.connect(path, "c")


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


WRONG: dict[str, Any] = {
    "nothing": [None],
    "a word": ["a"],
    "no name": [{}],
    "a name alone": [{"name": "a"}],
    "null": [{"name": "a", "context": None, "user": None, "cluster": None}],
    "no list": {"a": 1},
}


@pytest.mark.parametrize("key", ["contexts", "users", "clusters"])
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_no_kubeconfig_is_said(tmp_path: Path, key: str, wrong: Any) -> None:
    path = written(tmp_path / "a", config("a") | {key: wrong})
    with pytest.raises(BadInput, match="cannot be used: ") as refused:
        Connection.connect(path)
    assert "Expected" in refused.value.fact or "TypeError: " in refused.value.fact


def test_a_proxy_that_nothing_here_can_speak_to_is_said(tmp_path: Path) -> None:
    found = config("a")
    found["clusters"][0]["cluster"]["proxy-url"] = "socks5://localhost:1"
    with pytest.raises(BadInput, match=r"cannot be used: .*socks"):
        Connection.connect(written(tmp_path / "a", found))


def test_what_a_login_has_is_not_shown(tmp_path: Path) -> None:
    """The client names an entry by all that is in it."""
    found = config("a") | {"users": [{"name": "a", "usr": {"client-key-data": "LS0tS2V5", "token": "t0ken"}}]}
    with pytest.raises(BadInput, match=r"cannot be used: .*Expected key user") as refused:
        Connection.connect(written(tmp_path / "a", found))
    assert "LS0tS2V5" not in str(refused.value)
    assert "t0ken" not in str(refused.value)


def test_a_context_may_be_called_by_a_number(tmp_path: Path) -> None:
    found = config("a") | {"current-context": 5, "contexts": [{"name": 5, "context": {"cluster": "a", "user": "a"}}]}
    assert Connection.connect(written(tmp_path / "a", found)).context == "5"

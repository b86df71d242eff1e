"""The lab's Git server, by a real git on loopback, and the repository that the example becomes. Nothing else runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.git import publisher
from lab.git.server import DEAF, REFUSED, SILENT, GitHandler
from lab.machine.errors import LabError
from lab.stories.example import Place
from lab.stories.gitops import git, lay_out

TOKEN = "not-a-real-token"


@dataclass
class Served:
    """A server with one repository."""

    folder: Path
    address: str

    @property
    def bare(self) -> Path:
        return self.folder / "repositories" / "config.git"

    def url(self, token: str = TOKEN) -> str:
        return f"http://any:{token}@{self.address}/config.git"

    def away(self, how: str) -> None:
        (self.folder / "away").write_text(how)

    def back(self) -> None:
        (self.folder / "away").unlink()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    folder = tmp_path / "server"
    (folder / "repositories" / "config.git").mkdir(parents=True)
    (folder / "token").write_text(TOKEN)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(GitHandler, folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = Served(folder, f"127.0.0.1:{server.server_port}")
    git(found.bare, "init", "--quiet", "--bare", "--initial-branch=main")
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def clone(served: Served, tmp_path: Path) -> Path:
    """A clone with one commit that is not pushed yet."""
    git(tmp_path, "clone", "--quiet", served.url(), "clone")
    folder = tmp_path / "clone"
    (folder / "file").write_text("content")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "First")
    return folder


def test_who_has_the_token_pushes_and_reads(served: Served, clone: Path, tmp_path: Path) -> None:
    git(clone, "push", "--quiet", "origin", "main")
    assert publisher.tip(served.bare) == git(clone, "rev-parse", "HEAD")
    git(tmp_path, "clone", "--quiet", served.url(), "another")
    assert (tmp_path / "another" / "file").read_text() == "content"


def test_what_is_large_comes_through_in_chunks(served: Served, clone: Path) -> None:
    (clone / "large").write_bytes(bytes(range(256)) * 40)
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message", "Large")
    git(clone, "-c", "http.postBuffer=100", "-c", "core.compression=0", "push", "--quiet", "origin", "main")
    assert publisher.tip(served.bare) == git(clone, "rev-parse", "HEAD")


def test_another_token_is_refused(served: Served, tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"`git ls-remote` failed: .*Authentication failed"):
        git(tmp_path, "ls-remote", served.url("stolen"))


@pytest.mark.parametrize(
    ("how", "options", "said", "arrives"),
    [
        pytest.param(REFUSED, (), "503", False, id="refused"),
        pytest.param(SILENT, ("http.lowSpeedLimit=1", "http.lowSpeedTime=1"), "too slow", False, id="silent"),
        pytest.param(DEAF, (), "Empty reply|hung up|expected flush", True, id="deaf"),
    ],
)
def test_while_it_is_away_a_push_fails_and_afterwards_it_does_not(
    served: Served, clone: Path, how: str, options: tuple[str, ...], said: str, arrives: bool
) -> None:
    served.away(how)
    given = [word for option in options for word in ("-c", option)]
    with pytest.raises(LabError, match=said):
        git(clone, *given, "push", "--quiet", "origin", "main")
    assert bool(publisher.tip(served.bare)) is arrives
    served.back()
    git(clone, "push", "--quiet", "origin", "main")
    assert publisher.tip(served.bare) == git(clone, "rev-parse", "HEAD")


def test_the_example_becomes_a_repository_without_what_is_flipgates(tmp_path: Path) -> None:
    lay_out(tmp_path, Place.named("mine"))
    text = {str(file.relative_to(tmp_path)): file.read_text() for file in tmp_path.rglob("*") if file.is_file()}
    assert {"app/base/kustomization.yaml", "app/overlays/production-green/kustomization.yaml"} < text.keys()
    assert not [name for name, content in text.items() if "replicas:" in content or "suspend" in content]
    assert "namespace: mine-green\n" in text["app/overlays/production-green/kustomization.yaml"]
    route = text["clusters/home/production-routing.yaml"]
    assert "          namespace: mine-blue\n" in route, "the route is there, whole"

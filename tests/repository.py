"""A team's repository for tests: real git, served over HTTP to who brings the token."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

from flipgate.adapters.git_access import Credentials
from lab.git.server import GitHandler
from lab.stories.gitops import git as git

TOKEN = "not-a-real-token"


@dataclass(frozen=True)
class Served:
    """A bare repository with one branch, `main`, and a person's clone of it."""

    folder: Path
    address: str
    clone: Path

    @property
    def url(self) -> str:
        return f"http://{self.address}/config.git"

    @property
    def bare(self) -> Path:
        return self.folder / "repositories" / "config.git"

    @property
    def credentials(self) -> Credentials:
        return Credentials(token=TOKEN)

    @property
    def tip(self) -> str:
        return git(self.bare, "rev-parse", "main")

    def log(self) -> list[str]:
        """The first lines of all commits, the newest first."""
        return git(self.bare, "log", "--format=%s", "main").splitlines()

    def read(self, path: str) -> str:
        """A file as the branch has it."""
        return git(self.bare, "show", f"main:{path}") + "\n"

    def pushes(self, files: Mapping[str, str], message: str = "By hand") -> str:
        """Somebody writes these files and pushes; returns the commit."""
        self._at("main")
        return self._commit(files, message)

    def pushes_to(self, branch: str, files: Mapping[str, str]) -> str:
        """Somebody pushes a commit more to another branch; returns the commit."""
        self._at(branch)
        return self._commit(files, "A review", branch)

    def pushes_to_new(self, branch: str, files: Mapping[str, str]) -> str:
        """Somebody makes a branch of their own; returns its commit."""
        self._at("main")
        return self._commit(files, "Of a person's own", branch)

    def amends(self, branch: str, files: Mapping[str, str]) -> str:
        """Somebody changes the last commit of another branch, whose author it keeps; returns the commit."""
        self._at(branch)
        self._write(files)
        git(self.clone, "commit", "--quiet", "--amend", "--no-edit")
        return self._push(branch, "--force")

    def brings_up_to_date(self, branch: str) -> str:
        """Somebody merges the target into another branch; returns the commit."""
        self._at(branch)
        git(self.clone, "merge", "--quiet", "--message", "Update branch", "origin/main")
        return self._push(branch)

    def squashes(self, branch: str) -> str:
        """Somebody merges another branch as one commit of the target's own; returns it."""
        self._at("main")
        git(self.clone, "merge", "--quiet", "--squash", f"origin/{branch}")
        git(self.clone, "commit", "--quiet", "--message", "Squashed")
        return self._push("main")

    def _at(self, branch: str) -> None:
        git(self.clone, "fetch", "--quiet", "origin")
        git(self.clone, "reset", "--quiet", "--hard", f"origin/{branch}")

    def begins(self, files: Mapping[str, str]) -> None:
        """The first commit."""
        self._commit(files, "The platform")

    def _write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            file = self.clone / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        git(self.clone, "add", ".")

    def _commit(self, files: Mapping[str, str], message: str, branch: str = "main") -> str:
        self._write(files)
        git(self.clone, "commit", "--quiet", "--message", message)
        return self._push(branch)

    def _push(self, branch: str, *options: str) -> str:
        git(self.clone, "push", "--quiet", *options, "origin", f"HEAD:refs/heads/{branch}")
        return git(self.clone, "rev-parse", "HEAD")

    @contextmanager
    def away(self, how: str) -> Iterator[None]:
        """The server fails in this way (lab/git/server.py)."""
        file = self.folder / "away"
        file.write_text(how)
        try:
            yield
        finally:
            file.unlink()


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """A server with an empty repository."""
    (folder / "repositories" / "config.git").mkdir(parents=True)
    (folder / "token").write_text(TOKEN)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(GitHandler, folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = Served(folder, f"127.0.0.1:{server.server_port}", folder / "clone")
    git(found.bare, "init", "--quiet", "--bare", "--initial-branch=main")
    git(folder, "init", "--quiet", "--initial-branch=main", "clone")
    git(found.clone, "remote", "add", "origin", str(found.bare))
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()

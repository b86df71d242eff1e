"""A copy of a branch of the team's repository: read, changed, committed and pushed.

Only what is asked for is fetched and written, as far as the server can leave out the rest: a partial clone (git's
Documentation/technical/partial-clone.txt) with a sparse checkout. Nothing of a repository is run: its hooks, its
filters and its submodules are left alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, TypeVar

from flipgate.core.spec.git import Author
from flipgate.core.values.errors import FlipgateError, Forbidden, NotFound, PermanentError, Unreachable
from flipgate.core.values.yaml_text import FILE_BYTES

if TYPE_CHECKING:
    from flipgate.adapters.git import Git

T = TypeVar("T")
DEPTH: Final = 100
"""Commits of the branch among which one is looked for: that whoever applies it has come to, or that the server does not
give by its name."""
ATTRIBUTES: Final = "* -text -ident -filter !eol !working-tree-encoding\n"
"""For a copy's info/attributes, which win over a repository's own: files are read and committed byte for byte."""
AT_ONCE: Final = 1_000
"""Paths that git is given on one command line."""
GLOB, ESCAPED = re.compile(r"([*?\[\\ ])"), r"\\\1"
"""What a pattern of a sparse checkout would take for more than itself (gitignore)."""
CRUD: Final = " \t\n.,:;<>\"\\'"
"""What git takes off both ends of a name and an address, by its version (its ident.c): `Acme Inc.` is by `Acme Inc`."""
BLOB, TREE = "blob", "tree"
"""Git's words for a file, or a link, and for a folder."""


class Checkout:
    """A copy of a branch's newest commit in a folder of its own, gone with the block that asked for it.

    It begins without any file; a file comes with the first look at it.
    """

    def __init__(self, git: Git, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.is_whole = False
        """Whether everything that is in the repository is in the folder."""
        self._git, self._environment = git, environment
        self.head = ""
        """The commit that the files are of, with what was committed here."""
        self._base = ""
        self._shown: set[str] = set()
        self._commits: set[str] = set()
        """Those that are here. Git itself is not asked: it would fetch one that is not with all that came before it."""
        self._begin()

    def read(self, path: str) -> str:
        """The text of a file. Raises NotFound where there is none, PermanentError for one that is no text, or that is
        not in the repository itself."""
        return self._text(self._inside(path), path)

    def read_all(self, paths: Collection[str]) -> dict[str, str]:
        """The text of each of these files, fetched in one exchange; raises as `read` does."""
        self.show(paths)
        return {path: self.read(path) for path in paths}

    def find(self, path: str) -> str | None:
        """The text of a file; None where there is none."""
        try:
            return self.read(path)
        except NotFound:
            return None

    def write(self, path: str, text: str) -> None:
        """Gives a file that is there another text."""
        self._inside(path).write_bytes(text.encode())

    def kinds(self, paths: Collection[str]) -> dict[str, str]:
        """Those of the paths that are there: BLOB or TREE. Nothing is fetched for it."""
        found: dict[str, str] = {}
        asked = sorted(paths)
        for first in range(0, len(asked), AT_ONCE):
            listed = self._run("ls-tree", "-z", "-t", "HEAD", "--", *asked[first : first + AT_ONCE])
            for line in listed.split("\0")[:-1]:
                said, _, path = line.partition("\t")
                found[path] = said.split()[1]
        return {path: found[path] for path in asked if path in found}

    def show(self, paths: Collection[str]) -> None:
        """Has these files in the folder, those of them that are there, fetched in one exchange. No folder's content."""
        if self.is_whole:
            return
        # Git looks at the attributes beside a file that it writes, and would fetch each by an exchange of its own.
        folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
        names = {str(PurePosixPath(path)) for path in paths} | {
            str(PurePosixPath(f, ".gitattributes")) for f in folders
        }
        new = {path for path, kind in self.kinds(names - self._shown).items() if kind == BLOB} - self._shown
        if new:
            self._shown |= new
            self._or_whole(self._write_shown)

    def whole(self) -> None:
        """Has everything in the folder, of the branch's newest commit; what was written or committed here is gone."""
        self.is_whole = True
        for each in self.folder.iterdir():
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
        self._begin()

    def commit(self, message: str, author: Author) -> str:
        """Commits what was written; returns the commit."""
        who = {"NAME": author.name, "EMAIL": author.email}
        by = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        self._run("commit", "--quiet", "--all", "--no-verify", "--cleanup=verbatim", "--message", message, more=by)
        self.head = self._run("rev-parse", "HEAD").strip()
        self._commits.add(self.head)
        return self.head

    def push(self) -> None:
        """Pushes what was committed, to where this copy is from. Raises Conflict where somebody else has pushed since.

        Where no answer comes, it may have arrived all the same: whoever looks again sees it.
        """
        # The lease tells a branch that was moved from one that has only grown, too; nothing is ever forced: the commit
        # stands on that base.
        self.push_to(self._git.branch, self.head, self._base)
        self._base = self.head

    def push_to(self, branch: str, commit: str, lease: str) -> None:
        """Has any branch be at a commit; raises Conflict where it is not at `lease` before (empty: not there)."""
        only = f"--force-with-lease=refs/heads/{branch}:{lease}"
        self._run("push", "--quiet", "--porcelain", only, "origin", f"{commit}:refs/heads/{branch}", pushing=True)

    def tip(self, branch: str) -> str:
        """The newest commit of another branch; empty where there is no such branch."""
        there = f"refs/flipgate/{branch}"
        try:
            head = f"+refs/heads/{branch}:{there}"
            self._run("fetch", "--quiet", "--depth=1", *self._filter, "--no-tags", "origin", head)
        except NotFound:
            return ""
        commit = self._run("rev-parse", there).strip()
        self._commits.add(commit)
        return commit

    def is_by(self, commit: str, author: Author) -> bool:
        """Whether a commit that is here was made by somebody, and by nobody else made anew (amended, rebased)."""
        said = self._run("show", "--no-patch", "--format=%an%x00%ae%x00%cn%x00%ce", commit)
        return [each.strip(CRUD) for each in said.split("\0")] == [
            author.name.strip(CRUD),
            author.email.strip(CRUD),
        ] * 2

    def refresh(self) -> str:
        """Takes the branch's newest commit again; what was written or committed here is gone. Returns the commit."""
        self._fetch(1)
        self._or_whole(lambda: self._run("reset", "--quiet", "--hard", self._branch))
        self.head = self._base = self._run("rev-parse", "HEAD").strip()
        self._commits.add(self.head)
        return self.head

    def at(self, commit: str, path: str) -> str | None:
        """The text that a file had at a commit; None where it was not there. Raises NotFound for a commit that the
        server does not give, nor has among the branch's newest."""
        if not commit or set(commit) - set("0123456789abcdef"):
            raise NotFound("is no commit", obj=f'commit "{commit}" of {self._git.address}')
        self._need(commit)
        return self._or_whole(lambda: self._at(commit, path))

    def has(self, commit: str) -> bool:
        """Whether a commit is one of the branch's newest (DEPTH)."""
        if commit == self._base:
            return True
        return commit in self._deepen()

    def has_last_change(self, commit: str, paths: Sequence[str]) -> bool:
        """Whether a commit is one of the branch's newest (DEPTH), and not older than the last change of these files.

        An older one may say the same of them, and is followed by others all the same.
        """
        if commit == self.head:
            return True
        last = self.last_change(paths)
        after = self._run("rev-list", "--ancestry-path", f"{last}..{self._branch}").split() if last else []
        return commit in (last, *after)

    def last_change(self, paths: Sequence[str]) -> str:
        """The commit that has changed one of these files last. Where the copy ends (DEPTH), a commit counts as a change
        of all that is there."""
        self._deepen()
        return self._run("rev-list", "--max-count=1", self._branch, "--", *paths).strip()

    def changes_since(self, branch: str, paths: Sequence[str]) -> list[str]:
        """The commits of this branch that have changed one of these files since another branch was made from it, the
        newest first. Of the newest alone (DEPTH): none where that was before them."""
        self._deepen()
        there = f"refs/flipgate/{branch}"
        self._run(
            "fetch",
            "--quiet",
            f"--depth={DEPTH}",
            *self._filter,
            "--no-tags",
            "origin",
            f"+refs/heads/{branch}:{there}",
        )
        with suppress(PermanentError):
            base = self._run("merge-base", there, self._branch).strip()
            return self._run("rev-list", f"{base}..{self._branch}", "--", *paths).split()
        return []

    def without(self, commit: str, path: str) -> str | None:
        """A file without what one of the branch's newest commits has changed in it, and with all that came after that;
        None where both are on the same lines (git merge-file), or the commit before it is not to be had."""
        sides = {}
        with suppress(PermanentError):
            self._deepen()
            self.show([path])
            before = self._run("rev-parse", "--verify", "--quiet", f"{commit}^").strip()
            for name, at in (("then", commit), ("before", before)):
                sides[name] = self.folder / ".git" / f"flipgate-{name}"
                sides[name].write_bytes((self.at(at, path) or "").encode())
            return self._run("merge-file", "-p", "--quiet", "--", path, str(sides["then"]), str(sides["before"]))
        return None

    @property
    def _branch(self) -> str:
        return f"refs/remotes/origin/{self._git.branch}"

    def _begin(self) -> None:
        self._run("init", "--quiet", "--initial-branch", "flipgate")
        own = self.folder / ".git" / "info"
        own.mkdir(exist_ok=True)
        (own / "attributes").write_text(ATTRIBUTES)
        self._run("remote", "add", "origin", self._git.address)
        if not self.is_whole:
            self._run("config", "core.sparseCheckout", "true")
            self._run("config", "core.sparseCheckoutCone", "false")
            (own / "sparse-checkout").touch()
        self._commits.clear()
        self.refresh()

    def _or_whole(self, ask: Callable[[], T]) -> T:
        """Asks for what git may have to fetch for it; again with the whole repository where the server does not give a
        part of it that it left out before, as by protocol version 0."""
        try:
            return ask()
        except (Unreachable, Forbidden):
            raise
        except FlipgateError:
            if self.is_whole:
                raise
            self.whole()
            return ask()

    def _write_shown(self) -> None:
        patterns = [f"/{GLOB.sub(ESCAPED, path)}\n" for path in sorted(self._shown)]
        (self.folder / ".git" / "info" / "sparse-checkout").write_text("".join(patterns))
        self._run("read-tree", "-m", "-u", "HEAD")

    def _fetch(self, depth: int) -> None:
        branch = f"refs/heads/{self._git.branch}:{self._branch}"
        self._run("fetch", "--quiet", f"--depth={depth}", *self._filter, "--no-tags", "origin", f"+{branch}")

    @property
    def _filter(self) -> tuple[str, ...]:
        """Has the server leave out all files' contents; one that cannot do so sends them."""
        return () if self.is_whole else ("--filter=blob:none",)

    def _deepen(self) -> list[str]:
        """Has the branch's newest commits here (DEPTH); returns them."""
        self._fetch(DEPTH)
        newest = self._run("rev-list", self._branch).split()
        self._commits.update(newest)
        return newest

    def _need(self, commit: str) -> None:
        """Has this commit here, and none of those before it."""
        if commit in self._commits:
            return
        try:
            self._run("fetch", "--quiet", "--depth=1", *self._filter, "--no-tags", "origin", commit)
        except NotFound:
            # By protocol version 0 a server gives what a branch names, and nothing else (uploadpack.allowAnySHA1InWant
            # of git-config): an SSH server speaks that unless it accepts GIT_PROTOCOL.
            self._deepen()
            if commit not in self._commits:
                raise
        self._commits.add(commit)

    def _at(self, commit: str, path: str) -> str | None:
        self._need(commit)
        listed = self._run("ls-tree", "--name-only", commit, "--", path)
        return self._run("cat-file", "blob", f"{commit}:{path}") if listed.strip() else None

    def _inside(self, path: str) -> Path:
        """Where the file is; never outside the copy, whatever links say."""
        whole = self.folder / path
        self.show([path])
        if not whole.exists():
            for parent in [*PurePosixPath(path).parents][:-1]:
                self.show([str(parent)])  # one that is a link
        if whole.is_symlink() or not whole.resolve().is_relative_to(self.folder.resolve()):
            raise PermanentError("is a link; its own place has to be named", obj=f"{path} of {self._git.address}")
        return whole

    def _text(self, whole: Path, path: str) -> str:
        obj = f"{path} of {self._git.address} ({self._git.branch}, commit {self.head[:12]})"
        try:
            with whole.open("rb") as file:
                raw = file.read(FILE_BYTES + 1)
            if len(raw) > FILE_BYTES:
                raise PermanentError(f"has more bytes than are read; the most is {FILE_BYTES:,}", obj=obj)
            return raw.decode()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFound("is not there", obj=obj) from None
        except UnicodeDecodeError:
            raise PermanentError("is no text", obj=obj) from None

    def _run(self, *arguments: str, more: Mapping[str, str] | None = None, pushing: bool = False) -> str:
        return self._git.run(arguments, self.folder, {**self._environment, **(more or {})}, pushing=pushing)

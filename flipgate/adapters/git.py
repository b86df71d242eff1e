"""The team's Git repository, by the git program: a copy of one branch, changed, committed and pushed.

Credentials reach git by its environment or by a file that only this process may read, never by an argument, an address
or a configuration that others see; what git says is printed without them. Nothing of a repository is run: its hooks,
its filters and its submodules are left alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

from flipgate.adapters import programs
from flipgate.core.git.keys import locked
from flipgate.core.git.says import explain
from flipgate.core.spec.git import Author, GitSpec
from flipgate.core.values.errors import NotFound, PermanentError, TemporaryError, Unreachable
from flipgate.core.values.yaml_text import FILE_BYTES

SECONDS: Final = 60.0
"""Of one exchange with the server, from beginning to end."""
DEPTH: Final = 100
"""Commits of the branch among which one is looked for: that whoever applies it has come to, or that the server does not
give by its name."""
SAFE: Final = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "protocol.allow=never"),
    *("-c", "protocol.https.allow=always"),
    *("-c", "protocol.http.allow=always"),
    *("-c", "protocol.ssh.allow=always"),
    *("-c", "http.followRedirects=initial"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "gc.auto=0"),
    *("-c", "commit.gpgSign=false"),
    *("-c", "submodule.recurse=false"),
    *("-c", "core.autocrlf=false"),
    *("-c", "advice.detachedHead=false"),
)
ATTRIBUTES: Final = "* -text -ident -filter !eol !working-tree-encoding\n"
"""For a copy's info/attributes, which win over a repository's own: files are read and committed byte for byte."""
ASK: Final = """\
#!/bin/sh
case "$1" in
"Username for '$FLIPGATE_GIT_SCHEME://$FLIPGATE_GIT_HOST'"*) printf '%s' "$FLIPGATE_GIT_USER" ;;
"Password for '$FLIPGATE_GIT_SCHEME://"*"@$FLIPGATE_GIT_HOST'"*) printf '%s' "$FLIPGATE_GIT_TOKEN" ;;
esac
"""
"""Answers git for the declared server alone: whoever that leads on to is told nothing."""


@dataclass(frozen=True)
class Credentials:
    """What lets flipgate in: a token by HTTPS, or a private key by SSH with the hosts that are known."""

    user: str = "git"
    token: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    known_hosts: str = ""
    """Lines as of ~/.ssh/known_hosts. With a private key no other host is connected to."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be printed."""
        return tuple(each.strip() for each in (self.token, self.private_key) if each.strip())


class Checkout:
    """A copy of a branch's newest commit in a folder of its own, gone with the block that asked for it."""

    def __init__(self, git: Git, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._git, self._environment = git, environment
        self.head = ""
        """The commit that the files are of, with what was committed here."""
        self._base = ""

    def read(self, path: str) -> str:
        """The text of a file. Raises NotFound where there is none, PermanentError for one that is no text, or that is
        not in the repository itself."""
        return self._text(self._inside(path), path)

    def find(self, path: str) -> str | None:
        """The text of a file; None where there is none."""
        try:
            return self.read(path)
        except NotFound:
            return None

    def write(self, path: str, text: str) -> None:
        """Gives a file that is there another text."""
        self._inside(path).write_bytes(text.encode())

    def diff(self) -> str:
        """What was written since the last commit, as git shows it."""
        return self._run("diff", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD")

    def commit(self, message: str, author: Author) -> str:
        """Commits what was written; returns the commit."""
        who = {"NAME": author.name, "EMAIL": author.email}
        by = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        self._run("commit", "--quiet", "--all", "--no-verify", "--cleanup=verbatim", "--message", message, more=by)
        self.head = self._run("rev-parse", "HEAD").strip()
        return self.head

    def push(self) -> None:
        """Pushes what was committed, to where this copy is from. Raises Conflict where somebody else has pushed since.

        Where no answer comes, it may have arrived all the same: whoever looks again sees it.
        """
        lease = f"--force-with-lease=refs/heads/{self._git.branch}:{self._base}"
        # The lease tells a branch that was moved from one that has only grown, too; nothing is ever forced: the commit
        # stands on that base.
        self._run(
            "push", "--quiet", "--porcelain", lease, "origin", f"HEAD:refs/heads/{self._git.branch}", pushing=True
        )
        self._base = self.head

    def refresh(self) -> str:
        """Takes the branch's newest commit again; what was written or committed here is gone. Returns the commit."""
        branch = self._git.branch
        self._fetch(1)
        self._run("reset", "--quiet", "--hard", f"refs/remotes/origin/{branch}")
        self.head = self._base = self._run("rev-parse", "HEAD").strip()
        return self.head

    def at(self, commit: str, path: str) -> str | None:
        """The text that a file had at a commit; None where it was not there. Raises NotFound for a commit that the
        server does not give, nor has among the branch's newest."""
        if not commit or set(commit) - set("0123456789abcdef"):
            raise NotFound("is no commit", obj=f'commit "{commit}" of {self._git.address}')
        with suppress(PermanentError, TemporaryError):
            return self._show(commit, path)
        try:
            self._run("fetch", "--quiet", "--depth=1", "--no-tags", "origin", commit)
        except NotFound:
            # By protocol version 0 a server gives what a branch names, and nothing else (uploadpack.allowAnySHA1InWant
            # of git-config): an SSH server speaks that unless it accepts GIT_PROTOCOL.
            self._fetch(DEPTH)
            if commit not in self._run("rev-list", f"refs/remotes/origin/{self._git.branch}").split():
                raise
        return self._show(commit, path)

    def has_last_change(self, commit: str, paths: Sequence[str]) -> bool:
        """Whether a commit is one of the branch's newest (DEPTH), and not older than the last change of these files.

        An older one may say the same of them, and is followed by others all the same.
        """
        if commit == self.head:
            return True
        branch = f"refs/remotes/origin/{self._git.branch}"
        self._fetch(DEPTH)
        # Where the copy ends, a commit counts as a change of all that is there.
        last = self._run("rev-list", "--max-count=1", branch, "--", *paths).strip()
        after = self._run("rev-list", "--ancestry-path", f"{last}..{branch}").split() if last else []
        return commit in (last, *after)

    def _fetch(self, depth: int) -> None:
        branch = f"refs/heads/{self._git.branch}:refs/remotes/origin/{self._git.branch}"
        self._run("fetch", "--quiet", f"--depth={depth}", "--no-tags", "origin", f"+{branch}")

    def _show(self, commit: str, path: str) -> str | None:
        listed = self._run("ls-tree", "--name-only", commit, "--", path)
        return self._run("cat-file", "blob", f"{commit}:{path}") if listed.strip() else None

    def _inside(self, path: str) -> Path:
        """Where the file is; never outside the copy, whatever links say."""
        whole = self.folder / path
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


@dataclass(frozen=True)
class Git:
    """One branch of one repository."""

    address: str
    branch: str
    credentials: Credentials | None = None
    """None: what git finds in this process's place, as for a person who types it."""
    seconds: float = SECONDS
    until: float = inf
    """When (time.monotonic()) all exchanges together have to have ended."""

    @classmethod
    def of(cls, spec: GitSpec, credentials: Credentials | None) -> Git:
        """The repository that an application's file names."""
        return cls(spec.repository, spec.branch, credentials)

    def within(self, seconds: float) -> Git:
        """The same, whose exchanges have so long from now, all together."""
        return replace(self, until=time.monotonic() + seconds)

    @contextmanager
    def checkout(self) -> Iterator[Checkout]:
        """A copy of the branch's newest commit: shallow, of this one branch.

        Raises Unreachable, Forbidden or NotFound where the server is not to be had, lets nobody in, or has no such
        branch; TemporaryError or PermanentError for all else that git says.
        """
        with (
            self._room(),
            TemporaryDirectory(prefix="flipgate-git-") as home,
            self._environment(Path(home)) as environment,
        ):
            folder = Path(home) / "copy"
            folder.mkdir()
            copy = Checkout(self, folder, environment)
            self.run(("init", "--quiet", "--initial-branch", "flipgate"), folder, environment)
            own = folder / ".git" / "info" / "attributes"
            own.parent.mkdir(exist_ok=True)
            own.write_text(ATTRIBUTES)
            self.run(("remote", "add", "origin", self.address), folder, environment)
            copy.refresh()
            yield copy

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Turns a disk that is full, or may not be written, into one of our errors."""
        try:
            yield
        except OSError as error:
            raise TemporaryError(f"no copy could be kept here: {error.strerror or error}", obj=self._obj) from error

    def run(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], *, pushing: bool = False
    ) -> str:
        """Runs git there; returns what it wrote. Raises as `checkout` does, and Conflict for a push that was refused
        because somebody else has pushed."""
        began = time.monotonic()
        left = max(0.0, min(self.seconds, self.until - began))
        try:
            code, out, err = programs.run_to_end(["git", *SAFE, *arguments], environment, folder=folder, timeout=left)
        except TimeoutError:
            took = time.monotonic() - began
            raise Unreachable(f"git {arguments[0]} had no end after {took:.0f} s", obj=self._obj) from None
        except programs.TooLong as error:
            raise PermanentError(f"git {arguments[0]} {error}", obj=self._obj) from None
        except FileNotFoundError:
            raise PermanentError(
                "is not installed here", obj="program git", next_command="apt-get install git"
            ) from None
        except (OSError, ValueError) as error:
            raise PermanentError(f"cannot be run here: {error}", obj="program git") from None
        if code:
            said = self._without_secrets((err + (out if pushing else b"")).decode(errors="replace"))
            raise explain(arguments[0], said, self._obj, code)
        return out.decode(errors="replace")

    @property
    def _obj(self) -> str:
        return f"branch {self.branch} of {self.address}"

    def _without_secrets(self, text: str) -> str:
        for secret in self.credentials.secrets if self.credentials else ():
            text = text.replace(secret, "***")
        return text

    @contextmanager
    def _environment(self, home: Path) -> Iterator[dict[str, str]]:
        """The environment of git. With credentials of ours it sees no others: no configuration, no agent, no helper."""
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_LFS_SKIP_SMUDGE": "1"}
        for name in [each for each in environment if each.startswith("GIT_") and each not in KEPT]:
            del environment[name]
        if self.credentials is None:
            yield environment
            return
        said = self.credentials
        if locked(said.private_key):
            raise PermanentError(
                "is locked by a passphrase, and nobody is there to type it",
                obj=f"the private key for {self.address}",
                untouched="the repository",
                next_command="ssh-keygen -p -N '' -f KEYFILE",
            )
        own = home / "home"
        own.mkdir(mode=0o700)
        for name in ("SSH_AUTH_SOCK", "SSH_ASKPASS", "XDG_CONFIG_HOME"):
            environment.pop(name, None)
        site = urlsplit(self.address)
        ask = own / "ask"
        ask.write_text(ASK)
        ask.chmod(0o700)
        environment |= {
            "HOME": str(own),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ASKPASS": str(ask),
            "FLIPGATE_GIT_SCHEME": site.scheme,
            "FLIPGATE_GIT_HOST": site.netloc,
            "FLIPGATE_GIT_USER": said.user,
            "FLIPGATE_GIT_TOKEN": said.token,
            "GIT_SSH_COMMAND": _ssh(said, own),
        }
        yield environment


KEPT: Final = frozenset({"GIT_TERMINAL_PROMPT", "GIT_LFS_SKIP_SMUDGE", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO"})
"""What a person or an image may have set for git, and that leaves it safe."""


def _ssh(said: Credentials, home: Path) -> str:
    """The command by which git connects: with this key, to known hosts alone, and without asking anybody."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=20"]
    command = "ssh -F /dev/null"
    if said.private_key:
        key = home / "key"
        key.touch(mode=0o600)
        key.write_text(said.private_key.rstrip("\n") + "\n")
        command += f" -i {quote(str(key))}"
        options.append("IdentitiesOnly=yes")
    hosts = home / "known_hosts"
    hosts.write_text(said.known_hosts.rstrip("\n") + "\n")
    options += [f"UserKnownHostsFile={hosts}", "GlobalKnownHostsFile=/dev/null"]
    return command + "".join(f" -o {quote(option)}" for option in options)

"""The team's Git repository, by the git program. What git says is printed without credentials."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Final

from flipgate.adapters import programs
from flipgate.adapters.git_access import SAFE, Credentials, environment_of_git
from flipgate.adapters.git_copy import Checkout
from flipgate.adapters.own_folder import own_folder
from flipgate.core.git.says import explain
from flipgate.core.spec.git import GitSpec
from flipgate.core.values.errors import NotFound, PermanentError, TemporaryError, Unreachable
from flipgate.core.values.frozen import dataclass

SECONDS: Final = 60.0
"""Of one exchange with the server, from beginning to end."""
PREFIX: Final = "flipgate-git-"


def no_room(error: OSError, obj: str) -> TemporaryError:
    """Says that a copy could not be written here."""
    return TemporaryError(f"no copy could be kept here: {error.strerror or error}", obj=obj)


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

    def find_head(self) -> str:
        """The branch's newest commit, by one small exchange. Raises as `checkout` does."""
        with self._place() as (home, environment):
            branch = f"refs/heads/{self.branch}"
            listed = self.run(("ls-remote", "--", self.address, branch), home, environment)
        # It lists whatever ends in that, too: refs/original/refs/heads/main of a git filter-branch.
        found = (line.partition("\t") for line in listed.splitlines())
        if commit := next((commit for commit, _, name in found if name == branch), ""):
            return commit
        raise NotFound("is not there", obj=self._obj)

    def try_push(self) -> None:
        """Raises as `checkout` does where the server takes no push of these credentials, by one small exchange. Nothing
        is pushed. Which branches are protected the server says of a push alone."""
        with self._place() as (home, environment):
            self.run(("init", "--quiet", "empty"), home, environment)
            nothing = ("push", "--dry-run", "--porcelain", "--all", "--", self.address)
            self.run(nothing, home / "empty", environment, pushing=True)

    @contextmanager
    def checkout(self) -> Iterator[Checkout]:
        """A copy of the branch's newest commit: shallow, of this one branch, and of what is asked for.

        Raises Unreachable, Forbidden or NotFound where the server is not to be had, lets nobody in, or has no such
        branch; TemporaryError or PermanentError for all else that git says.
        """
        with self._place() as (home, environment):
            folder = home / "copy"
            folder.mkdir()
            yield Checkout(self, folder, environment)

    @contextmanager
    def _place(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """A folder and an environment for git. A disk that is full, or may not be written, is one of our errors."""
        try:
            with (
                own_folder(PREFIX) as home,
                environment_of_git(self.address, self.credentials, home) as environment,
            ):
                yield home, environment
        except OSError as error:
            raise no_room(error, self._obj) from error

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
        return self.credentials.hidden(text) if self.credentials else text

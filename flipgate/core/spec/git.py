"""Where the team's manifests are kept in Git, so that flipgate's changes stand there too."""

from __future__ import annotations

import re
from posixpath import normpath
from string import Formatter
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from flipgate.core.spec.fields import FileModel, Namespace, ObjectName
from flipgate.core.spec.program import FOLDER_VARIABLE, Command
from flipgate.core.values.sides import Side

SCP: Final = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:(?!/)[^\s:]+")
"""`git@host:path`, as SSH addresses are often written."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
PLACEHOLDERS: Final = ("what", "application", "release", "side", "by", "link", "details")
MESSAGE: Final = "{what}: {application} {release}, {side}\n\nBy {by}.\n{details}\n{link}"
"""What a commit says where the file does not: its first line names what was done, the application and the release."""


def _address(value: str) -> str:
    """A repository's address, without credentials. Raises ValueError."""
    if re.search(r"[\s\x00-\x1f\x7f#]", value) or value.startswith("-") or "://-" in value:
        raise ValueError("must be https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH, without spaces and #")
    if SCP.fullmatch(value):
        return value
    parts = urlsplit(value)
    if parts.scheme == "ssh" and parts.hostname and parts.password is None and len(parts.path) > 1:
        return value
    if parts.scheme not in ("https", "http") or not parts.hostname or len(parts.path) < 2 or parts.query:
        raise ValueError("must be https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH")
    if parts.username or parts.password:
        raise ValueError("must not hold a user or a token: they belong into a flipgate-git block")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("must be https: a token would be sent for everybody to read")
    return value


def _path(value: str) -> str:
    """A path within a repository. Raises ValueError."""
    parts = value.split("/")
    if not value or value.startswith("/") or ".." in parts or ".git" in parts or "\\" in value or "\n" in value:
        raise ValueError("must be a path within the repository, from its top, without ..")
    return normpath(value)  # git knows a file by one name alone


def _branch(value: str) -> str:
    """A branch's name (git check-ref-format, and no leading -). Raises ValueError."""
    bad = re.search(r"[\s~^:?*\[\\\x00-\x20\x7f]|\.\.|@\{|//|\.lock(/|$)|^[-./]|[./]$", value)
    if bad or value in ("", "@"):
        raise ValueError("must be the name of a branch, as main")
    return value


def _message(value: str) -> str:
    """A commit message with placeholders. Raises ValueError for one that is not known, or nothing is said."""
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    try:
        names = [name for _, name, form, how in Formatter().parse(value) if name is not None and not (form or how)]
        parts = sum(name is not None for _, name, _, _ in Formatter().parse(value))
    except ValueError:
        names, parts = [""], 1
    if len(names) < parts or set(names) - set(PLACEHOLDERS):
        raise ValueError(f"may hold {known}, and no other braces ({{{{ and }}}} stand for themselves)")
    if not value.strip():
        raise ValueError("must say something")
    return value


RepositoryAddress = Annotated[str, AfterValidator(_address), Field(max_length=500)]
RepositoryPath = Annotated[str, AfterValidator(_path), Field(max_length=500)]
Branch = Annotated[str, AfterValidator(_branch), Field(max_length=200)]
Message = Annotated[str, AfterValidator(_message), Field(max_length=2_000)]


class OverlaysSpec(FileModel):
    """The folder of each side's overlay: it holds a kustomization.yaml, whose `images:` flipgate sets."""

    blue: RepositoryPath = Field(description="The folder of blue's overlay, from the repository's top.")
    green: RepositoryPath = Field(description="The folder of green's overlay, from the repository's top.")

    @model_validator(mode="after")
    def _two_folders(self) -> OverlaysSpec:
        if self.blue == self.green:
            raise ValueError(f'both sides have the overlay "{self.blue}"; each side needs one of its own')
        return self

    def of(self, side: Side) -> str:
        """The folder of this side's overlay."""
        return self.blue if side is Side.BLUE else self.green


class KustomizationName(FileModel):
    """One of Flux's Kustomizations."""

    namespace: Namespace = Field(default="flux-system", description="Its namespace.")
    name: ObjectName = Field(description="Its name.")

    def __str__(self) -> str:
        return f"Kustomization {self.namespace}/{self.name}"


class FluxSpec(FileModel):
    """Flux's Kustomizations, which apply what is pushed: flipgate asks them to, and says what they say."""

    blue: KustomizationName | None = Field(default=None, description="The one that applies blue's overlay.")
    green: KustomizationName | None = Field(default=None, description="The one that applies green's overlay.")
    routes: KustomizationName | None = Field(default=None, description="The one that applies the routes' files.")

    def of(self, side: Side) -> KustomizationName | None:
        """The one that applies this side's overlay."""
        return self.blue if side is Side.BLUE else self.green


class Author(FileModel):
    """Who flipgate's commits are by."""

    name: str = Field(default="flipgate", pattern=r"^[^<>\n]+$", max_length=100, description="The author's name.")
    email: str = Field(
        default="flipgate@localhost", pattern=r"^[^<>\s]+$", max_length=200, description="The author's address."
    )


class RequestSpec(FileModel):
    """A merge request in the place of a push, for a branch that takes changes by requests alone."""

    command: Command = Field(
        description="The program that opens a request for a branch that flipgate has pushed, with its arguments. It "
        f"lies in the folder that the worker's operator names ({FOLDER_VARIABLE}); what it is about is in its "
        "environment (docs/gitops.md). Exit code 0: the request is open."
    )
    timeout_seconds: int = Field(default=60, ge=1, le=600, description="How long it may take, in seconds.")


class GitSpec(FileModel):
    """The repository that holds the sides' overlays, the routes, or both. What stands there is changed by commits."""

    repository: RepositoryAddress = Field(
        description="The repository: https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH, without credentials."
    )
    branch: Branch = Field(default="main", description="The branch that is applied to the cluster.")
    block: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        description="The flipgate-git block with the credentials; without one, what Git finds in the worker's place.",
    )
    overlays: OverlaysSpec | None = Field(
        default=None,
        description="Each side's overlay. With it a release's images are committed there; without it they are set in "
        "the cluster directly.",
    )
    routes: tuple[RepositoryPath, ...] = Field(
        default=(),
        description="The files that hold the live routes. With them a move of users is committed there, right after "
        "it was made in the cluster.",
    )
    flux: FluxSpec | None = Field(
        default=None, description="Where Flux applies this repository. Without it flipgate waits for what it pushed."
    )
    timeout_seconds: int = Field(
        default=300, ge=1, description="How long the cluster may take to run what was pushed, in seconds."
    )
    revert_failed: bool = Field(
        default=False,
        description="Whether the images of a release that ended before users saw it are taken out of its overlay "
        "again, once its side is at rest.",
    )
    request: RequestSpec | None = Field(
        default=None,
        description="Moves of users are brought into the branch by a merge request, and not by a push. For routes "
        "alone: the images of overlays are pushed to the branch in any case.",
    )
    author: Author = Field(default_factory=Author, description="Who flipgate's commits are by.")
    message: Message = Field(
        default=MESSAGE,
        description=f"A commit's message, with the placeholders {', '.join(PLACEHOLDERS)} in braces. link is the page "
        "of the run in Prefect's UI; empty for what is typed in a terminal.",
    )

    @property
    def where(self) -> str:
        """The branch and its repository, for people."""
        return f"branch {self.branch} of {self.repository}"

    @property
    def holds(self) -> bool:
        """Whether Flux keeps the routes as this repository has them: then it is told to leave what was just moved."""
        return bool(self.routes and self.flux and self.flux.routes)

    @model_validator(mode="after")
    def _something(self) -> GitSpec:
        if self.overlays is None and not self.routes:
            raise ValueError("names neither overlays nor routes: nothing would be committed")
        if self.revert_failed and self.overlays is None:
            raise ValueError("revertFailed is for images, and no overlays are named")
        if self.request and not self.routes:
            raise ValueError("request is for moves of users, and no routes are named")
        return self

"""Whether what is committed reaches the cluster by a Kustomization of Flux's: whether it runs, and what feeds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from flipgate.core.git.flux import Kustomized, Source
from flipgate.core.spec.git import SCP, GitSpec

USUAL_PORTS: Final = frozenset({None, 22, 80, 443})


class Still(NamedTuple):
    """Somebody has suspended something: nothing that is pushed now is applied."""

    fact: str
    resume: str
    """What a person types to let it go on."""

    def __str__(self) -> str:
        return f"{self.fact} ({self.resume})"


def stands_still(fed: Kustomized, source: Source | None) -> Still | None:
    """Returns what is suspended of a Kustomization and its source, the first; None where nothing is."""
    if fed.suspended:
        return Still(f"{fed.name} is suspended", fed.resume)
    if source and source.suspended:
        return Still(f"{source.name}, which feeds {fed.name}, is suspended", source.resume)
    return None


def fed_problems(spec: GitSpec, fed: Kustomized, source: Source | None, *, has_commit: bool) -> Iterator[str]:
    """Yields why what is pushed to the declared branch does not reach the cluster by this Kustomization. `has_commit`:
    that branch has the commit that the source has, so it is the same one by another address (a mirror's, or the
    cluster's own)."""
    if not fed.found:
        yield fed.sentence
        return
    if still := stands_still(fed, source):
        yield str(still)
    if source is None:
        return
    if not source.found:
        yield f"{source.name}, which feeds {fed.name}, is not there"
    elif fed.source_kind == "GitRepository":
        yield from _elsewhere(spec, fed, source, has_commit=has_commit)


def _elsewhere(spec: GitSpec, fed: Kustomized, source: Source, *, has_commit: bool) -> Iterator[str]:
    takes = f"{fed.name} takes its files from {source.ref} of {source.address} ({source.name})"
    if not source.follows:
        yield f"{takes}, which follows no branch: what flipgate commits to {spec.where} is never applied"
    elif source.ref != f"branch {spec.branch}":
        yield f"{takes}, and spec.git names branch {spec.branch}: what flipgate commits there is not applied"
    elif not (has_commit or same_repository(source.address, spec.repository)):
        yield f"{takes}, and spec.git names {spec.repository}, which does not have its commit {source.commit[:12]}"


def no_commit(fed: Kustomized) -> str:
    """Says that nobody can tell which commit a Kustomization has applied, and what to do about it; empty where it is
    known, or nothing was applied yet."""
    if not fed.names_no_commit:
        return ""
    said = f"{fed.name} has applied {fed.revision} of {fed.source_kind} {fed.source}, which names no commit"
    if fed.source_kind != "OCIRepository":
        return f"{said}, and a {fed.source_kind} has no place for it"
    flag = '--revision="main@sha1:$(git rev-parse HEAD)"'
    return f"{said}: have the pipeline say it (flux push artifact ... {flag}: org.opencontainers.image.revision)"


def same_repository(one: str, other: str) -> bool:
    """Whether two addresses are of one repository, by whatever protocol and user."""
    return _place(one) == _place(other)


def _place(address: str) -> tuple[str, str]:
    """Host and path. A port that is not its protocol's own is a part of the host."""
    if SCP.fullmatch(address):
        address = f"ssh://{address.replace(':', '/', 1)}"
    try:
        parts = urlsplit(address)
        port = "" if parts.port in USUAL_PORTS else f":{parts.port}"
    except ValueError:
        return "", address
    path = parts.path.strip("/").removesuffix(".git")
    return f"{(parts.hostname or '').lower()}{port}", path

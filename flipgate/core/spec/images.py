"""Image references, by the grammar of the distribution project, with one rule more: a tag or a digest must be named.

Nothing is filled in (no `docker.io/library/`, no `:latest`): a reference is compared and written as it was given.
"""

from __future__ import annotations

import re

from flipgate.core.values.errors import BadInput
from flipgate.core.values.foreign import printable
from flipgate.core.values.frozen import dataclass

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Image:
    """One image: repository, and a tag, a digest or both."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"


def parse_image(ref: str) -> Image:
    """Reads `repository:tag`, `repository@sha256:...` or both.

    Raises BadInput, naming the part that is wrong, or how to name a version when there is none.
    """
    try:
        name, digest = _split_digest(ref)
        repository, tag = _split_tag(name)
        check_repository(repository)
    except ValueError as error:
        raise _bad(ref, str(error)) from None
    if tag is None and digest is None:
        raise _bad(ref, f"has neither tag nor digest; name the version, as in {ref}:1.4.2 or {ref}@sha256:...")
    return Image(repository, tag, digest)


def is_image(ref: str) -> bool:
    """Whether this names an image and its version."""
    try:
        parse_image(ref)
    except BadInput:
        return False
    return True


def check_repository(repository: str) -> str:
    """Returns a repository (no tag, no digest) that the grammar allows; raises ValueError saying what is wrong."""
    if "@" in repository or ":" in repository.rpartition("/")[2]:
        raise ValueError(f'"{repository}" must be a repository alone, without tag or digest')
    if len(repository) > _LONGEST_NAME:
        raise ValueError(f"the repository has {len(repository)} characters, the limit is {_LONGEST_NAME}")
    domain, path = _split_domain(repository)
    if domain and not _DOMAIN.fullmatch(domain):
        raise ValueError(f'"{domain}" is not a registry\'s host or host:port')
    if not _PATH.fullmatch(path):
        if path != path.lower() and _PATH.fullmatch(path.lower()):
            raise ValueError(f'the repository "{path}" must be lowercase: "{path.lower()}"')
        raise ValueError(f'"{path}" is not a repository name (a-z, 0-9, and . _ - / between them)')
    return repository


def _split_digest(ref: str) -> tuple[str, str | None]:
    name, at, digest = ref.partition("@")
    if not at:
        return ref, None
    algorithm, _, digits = digest.partition(":")
    length = _DIGEST_LENGTHS.get(algorithm)
    if length is None:
        raise ValueError(f'"{digest}" is not a digest (sha256: and 64 hexadecimal digits)')
    if len(digits) != length or set(digits) - set("0123456789abcdef"):
        raise ValueError(
            f'a {algorithm} digest has {length} lowercase hexadecimal digits; "{digits}" has {len(digits)}'
        )
    return name, digest


def _split_tag(name: str) -> tuple[str, str | None]:
    before, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    if not colon:
        return name, None
    if not _TAG.fullmatch(tag):
        raise ValueError(f'"{tag}" is not a tag (up to 128 of A-Z, a-z, 0-9, _ . -, not beginning with . or -)')
    return f"{before}{slash}{last}", tag


def _split_domain(repository: str) -> tuple[str, str]:
    """The registry is the first part only if it looks like a host: has a dot, a port or a capital, or is localhost."""
    first, slash, rest = repository.partition("/")
    if slash and (first == "localhost" or set(first) & set(".:") or first != first.lower()):
        return first, rest
    return "", repository


def _bad(ref: str, fact: str) -> BadInput:
    return BadInput(printable(fact, 700), obj=f'image "{printable(ref, 300)}"', untouched="both sides")

"""The chain of a release: a link for each change of phase and each decision, whose hash covers the one before it.

The first link of a release continues the last of the release before, so that one that is removed is missed. It shows
that what was written was changed, not by whom, and it is no signature: docs/decisions/0021. How it is verified:
`core/record/verified.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime, Field

from flipgate.core.values.base import Model, but

OPENED: Final = "opened"
PHASE: Final = "phase"
DECISION: Final = "decision"
"""What a link is of: what the release was opened with, one of its `changes`, one of its `decisions`."""
LISTS: Final[Mapping[str, str]] = {PHASE: "changes", DECISION: "decisions"}
"""Where a release keeps what the links of a kind are of, in their order."""
FACTS: Final = ("id", "attempt", "applicationHash", "side", "images", "again", "openedBy")
"""What a release is opened with, and keeps as it is: by the keys under which it is stored."""
LINKS_KEPT: Final = 60
"""Of one release, the newest. A release has a dozen; one whose question nobody answers for weeks has more."""
SHOWN_DIGITS: Final = 20
"""Hexadecimal digits of a hash where people read it: 80 bits."""


class Link(Model):
    """One thing that happened to a release, in its place in the chain. Its texts are words of ours and hashes, so they
    need not be cut, which would cost each reader of the record."""

    of: str
    what: str
    """The phase, the decision; of what it was opened with, the release's name."""
    at: AwareDatetime
    content: str
    """The hash of all that is stored of it."""
    hash: str
    """Of this link and the hash before it."""


class Chain(Model):
    """The links of one release, oldest first."""

    before: str = ""
    """The hash that the first link kept continues; empty where a chain begins."""
    left_out: int = Field(default=0, exclude_if=lambda count: not count)
    """Older links that were let go, beyond LINKS_KEPT."""
    links: tuple[Link, ...] = ()

    @property
    def head(self) -> str:
        """The hash of the newest link."""
        return self.links[-1].hash if self.links else self.before

    def linked(self, of: str, what: str, at: datetime, content: Mapping[str, Any]) -> Chain:
        """Returns the chain with one link more, the oldest let go beyond LINKS_KEPT."""
        link = _made(self.head, Link(of=of, what=what, at=at, content=digest(content), hash=""))
        over = max(0, len(self.links) + 1 - LINKS_KEPT)
        before = self.links[over - 1].hash if over else self.before
        return Chain(before=before, left_out=self.left_out + over, links=(*self.links[over:], link))

    def resealed(self, release: Mapping[str, Any]) -> Chain:
        """Returns the chain over what is left of the release after something of it was cut: an open one's, of which
        nobody was told the head yet."""
        sealed = Chain(before=self.before, left_out=self.left_out)
        for link, content in contents(self, release):
            kept = but(link, content=digest(content)) if content is not None else link
            sealed = but(sealed, links=(*sealed.links, _made(sealed.head, kept)))
        return sealed


def digest(content: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of the canonical JSON of what is stored."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def hash_of(before: str, link: Link) -> str:
    """Returns the hash that a link has to have where it comes after this one."""
    return digest({"before": before, **link.model_dump(mode="json", by_alias=True, exclude={"hash"})})


def facts_of(release: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a release, as it is stored, was opened with."""
    return {key: release[key] for key in FACTS if key in release}


def contents(chain: Chain, release: Mapping[str, Any]) -> Iterator[tuple[Link, Mapping[str, Any] | None]]:
    """Yields each link with what the release, as it is stored, says of it: None where that is not there.

    Lists are told apart from their ends: a release keeps its newest decisions, and the chain its newest links.
    """
    ends = {of: [*(release.get(key) or ())] for of, key in LISTS.items()}
    left = {of: sum(link.of == of for link in chain.links) for of in LISTS}
    for link in chain.links:
        if link.of == OPENED:
            yield link, facts_of(release)
            continue
        found: Sequence[Any] = ends.get(link.of, ())
        content = found[-left[link.of]] if 0 < left.get(link.of, 0) <= len(found) else None
        left[link.of] = left.get(link.of, 0) - 1
        yield link, content if isinstance(content, Mapping) else None


def _made(before: str, link: Link) -> Link:
    return but(link, hash=hash_of(before, link))

"""Whether the chains of an application's releases are as they were written: the first link that is not, and why.

Judged on what is stored, as it is stored: each release by each of its objects against its own links, then each release
against the one before. In which order they came, the hashes say; times only say which to name first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from itertools import takewhile, zip_longest
from operator import eq
from typing import Any, Final

from flipgate.core.record.chain import (
    DECISION,
    LINKS_KEPT,
    LISTS,
    OPENED,
    Chain,
    Link,
    contents,
    digest,
    hash_of,
)
from flipgate.core.record.phases import TERMINAL
from flipgate.core.record.record import Record
from flipgate.core.record.release import DECISIONS_KEPT
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.text import MARK, cut

COPY: Final = "copy"
HISTORY: Final = "history"
RECORD: Final = "record"
"""Where a release stands: its copy that was written once, what `flipgate history` reads, the record."""
LATE: Final = timedelta(days=1)
"""A copy that was made so long after its release ended is named: one that was taken away and made anew is, too."""
SHOWN: Final = 80
"""Characters of a value that is not as it was written."""


@dataclass(frozen=True)
class Kept:
    """One release as one object has it."""

    name: str
    of: str
    chain: Chain | None
    stored: Mapping[str, Any]
    made: datetime | None = None
    """When Kubernetes made the object."""

    @property
    def opened(self) -> datetime:
        return _moment(self.stored["changes"][0])

    @property
    def order(self) -> tuple[datetime, datetime]:
        """Its place among those that are let go: by Kubernetes' clock, which is one for all machines."""
        return self.made or self.opened, self.opened

    @property
    def ended(self) -> datetime | None:
        """When it ended; None while it is open."""
        last = self.stored["changes"][-1]
        return _moment(last) if last["phase"] in TERMINAL else None

    @property
    def links(self) -> tuple[Link, ...]:
        return self.chain.links if self.chain else ()


@dataclass(frozen=True)
class Broken:
    """One thing that is not as it was written. `expected` and `found` are hashes, or what stands there; without a
    `release` it is about all of them."""

    release: str
    of: str
    what: str = ""
    at: str = ""
    fact: str = ""
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        expected = f"; expected {self.expected}, found {self.found}" if self.expected else ""
        if not self.release:
            return f"{self.fact}{expected}"
        place = f"release {self.release}, {self.what} of {self.at}" if self.what else f"release {self.release}"
        return f"{place} ({self.of}): {self.fact}{expected}"


@dataclass(frozen=True)
class Verified:
    """What was found. `links` counts those of the chained releases; `without`, the older ones that have no chain."""

    releases: tuple[Kept, ...] = ()
    """Those with a chain, the first one first."""
    without: int = 0
    broken: tuple[Broken, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def links(self) -> int:
        return sum(len(each.links) for each in self.releases)

    @property
    def head(self) -> str:
        return self.releases[-1].chain.head if self.releases and self.releases[-1].chain else ""

    def link_of(self, beginning: str) -> tuple[Kept, Link] | None:
        """The link whose hash begins so: it, and all before it, is what it was when somebody kept that."""
        for kept in reversed(self.releases):
            for link in reversed(kept.links):
                if link.hash.startswith(beginning):
                    return kept, link
        return None


@dataclass
class _Release:
    """All that is kept of one release, by where."""

    kept: dict[str, Kept] = field(default_factory=dict)

    @property
    def best(self) -> Kept:
        """What the others are held against: the copy; while there is none, the record."""
        return next(self.kept[of] for of in (COPY, RECORD, HISTORY) if of in self.kept)


def of_record(record: Record) -> list[Kept]:
    """Returns the releases that the record has, the open one too."""
    return [
        Kept(each.name, RECORD, each.chain, each.model_dump(mode="json", by_alias=True)) for each in record.releases
    ]


def verify(kept: Iterable[Kept], most: int) -> Verified:
    """Judges all that is kept. `most` releases are kept in the history: where there are fewer, none was let go."""
    releases: dict[str, _Release] = {}
    for each in kept:
        releases.setdefault(each.name, _Release()).kept[each.of] = each
    in_history = sorted((r.kept[HISTORY] for r in releases.values() if HISTORY in r.kept), key=lambda each: each.order)
    for old in in_history[: max(0, len(in_history) - most)]:  # it was being let go, and something came between
        del releases[old.name]
    ordered = sorted(releases.values(), key=lambda each: (each.best.opened, each.best.name))
    chained = [each for each in ordered if each.best.chain]
    without = [each.best for each in ordered if not each.best.chain]
    began = min((each.best.order for each in chained), default=None)
    late = [each for each in without if began and each.order > began]
    bests = _in_order([each.best for each in chained])
    broken = [Broken(each.name, each.of, fact="has no links, though a release before it has") for each in late]
    broken += [found for each in chained for found in _one(each)]
    broken += _follow(bests, full=len(in_history) >= most)
    at = [each.best.name for each in ordered]
    return Verified(
        releases=tuple(bests),
        without=len(without) - len(late),
        broken=tuple(sorted(broken, key=lambda each: (at.index(each.release), not each.what))),
        notes=tuple(note for each in chained for note in _notes(each)),
    )


def _one(release: _Release) -> Iterator[Broken]:
    """Yields what is wrong with one release, by each of its objects: of each the first."""
    name, there = release.best.name, release.kept.keys()
    if HISTORY in there and COPY not in there:  # which is written before it
        yield Broken(name, COPY, fact="is gone: each release in the history has one")
    if COPY in there and not {HISTORY, RECORD} & there:
        yield Broken(name, HISTORY, fact="is gone: its copy alone is left")
    for kept in release.kept.values():
        found = _links(kept) or _other_links(kept, release.best)
        if not found and not (kept.of == RECORD and COPY in there):  # the record's may be shortened by then
            found = _contents(kept, release)
        if found:
            yield found


def _links(kept: Kept) -> Broken | None:
    """The first link that does not continue the one before."""
    chain = kept.chain or Chain()
    before = chain.before
    if chain.left_out and len(chain.links) < LINKS_KEPT:
        fact = f"{chain.left_out} links are gone: none is let go below {LINKS_KEPT}"
        return Broken(kept.name, kept.of, fact=fact)
    for link in chain.links:
        if (wanted := hash_of(before, link)) != link.hash:
            return _at(link, kept, "does not continue the link before", wanted, link.hash)
        if link.of == OPENED and link.what != kept.name:
            return _at(link, kept, "is of another release", kept.name, link.what)
        before = link.hash
    return None


def _other_links(kept: Kept, best: Kept) -> Broken | None:
    """The first link that another object of the same release has otherwise."""
    for one, other in zip_longest(kept.links, best.links):
        if one != other:
            hashes = (each.hash if each else "none" for each in (other, one))
            return _at(other or one, kept, f"is another one than in the {best.of}", *hashes)
    return None


def _contents(kept: Kept, release: _Release) -> Broken | None:
    """The first link of which something else is stored than was, or nothing; what is stored without a link."""
    short: dict[str, list[Link]] = {}
    for of, key in LISTS.items():
        linked = [link for link in kept.links if link.of == of]
        wanted = linked[-DECISIONS_KEPT:] if of == DECISION else linked  # older decisions are kept by their link alone
        stored = kept.stored.get(key) or ()
        if len(stored) < len(wanted):
            there = {digest(each) for each in stored}
            short[of] = [link for link in wanted if link.content not in there]
        elif len(stored) > len(linked) and kept.chain and not kept.chain.left_out:
            return Broken(kept.name, kept.of, fact=f"{len(stored) - len(linked)} {key} more than it has links")
    for link, content in contents(kept.chain or Chain(), kept.stored):
        if link in short.get(link.of, ()):
            return _at(link, kept, "is gone")
        if content is not None and link.of not in short and digest(content) != link.content:
            return _otherwise(link, content, kept, release)
    return None


def _otherwise(link: Link, content: Mapping[str, Any], kept: Kept, release: _Release) -> Broken:
    """Names what differs, where another object has what was written; the hashes where none has."""
    for other in release.kept.values():
        for its, written in contents(other.chain or Chain(), other.stored):
            if its == link and written is not None and digest(written) == link.content:
                keys = sorted(key for key in {*content, *written} if content.get(key) != written.get(key))
                both = ((written, content), (content, written))
                values = (", ".join(f"{k} {_shown(its.get(k), beside.get(k))}" for k in keys) for its, beside in both)
                return _at(link, kept, "is not as it was written", *values)
    return _at(link, kept, "is not as it was written", link.content, digest(content))


def _shown(value: Any, beside: Any) -> str:
    """A value as far as it can be shown, with the place where it differs from the one beside it."""
    if value is None:
        return "nothing"
    text = repr(value)
    alike = sum(takewhile(bool, map(eq, text, repr(beside))))
    begins = max(0, alike - SHOWN // 4) if len(text) > SHOWN else 0
    return cut(f"{MARK if begins else ''}{text[begins:]}", SHOWN)


def _at(link: Link, kept: Kept, fact: str, expected: str = "", found: str = "") -> Broken:
    what = "what it was opened with" if link.of == OPENED else f"{link.of} {link.what}"
    return Broken(kept.name, kept.of, what, f"{link.at:%Y-%m-%d %H:%M:%S} UTC", fact, expected, found)


def _in_order(releases: Sequence[Kept]) -> list[Kept]:
    """Returns the releases each behind the one that it continues; where none is kept, by time. Clocks may differ."""
    after: dict[str, list[Kept]] = {}
    heads = {each.chain.head for each in releases if each.chain}
    for each in releases:
        assert each.chain is not None
        after.setdefault(each.chain.before if each.chain.before in heads else "", []).append(each)
    waiting, out = [*reversed(after.pop("", []))], []
    while waiting:
        out.append(waiting.pop())
        assert out[-1].chain is not None
        waiting += reversed(after.pop(out[-1].chain.head, []))
    return out + [each for each in releases if each not in out]


def _follow(releases: Sequence[Kept], *, full: bool) -> Iterator[Broken]:
    """Yields each release that does not continue the one before. The oldest may continue one that was let go, where
    the history is full."""
    for last, each in zip((None, *releases), releases, strict=False):
        chain = each.chain or Chain()
        head = last.chain.head if last and last.chain else ""
        if chain.left_out or chain.before == head or (last is None and full):
            continue
        fact = "continues another release than is kept before it" if chain.before else "begins a chain of its own"
        missed = f"{last.name} was changed, or one after it is gone" if last else "the one before it is gone"
        yield Broken(
            each.name, each.of, fact=f"{fact}: {missed}", expected=head or "none", found=chain.before or "none"
        )


def _notes(release: _Release) -> Iterator[str]:
    best = release.best
    if best.chain and best.chain.left_out:
        count = best.chain.left_out
        yield f"{best.name} has let its {count} oldest links go: nothing shows that it continues the one before"
    if best.ended and release.kept.keys() == {RECORD}:  # what the history has, too, was copied before
        yield f"{best.name} has ended, and stands in the record alone: its copy comes with the next release"
    if best.ended and best.of == COPY and best.made and best.made - best.ended > LATE:
        yield f"the copy of {best.name} was made on {best.made:%Y-%m-%d %H:%M} UTC, long after it had ended"


def _moment(change: Mapping[str, Any]) -> datetime:
    moment = datetime.fromisoformat(change["at"])
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

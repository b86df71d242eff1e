"""Judges whether the dark side has what its pods name, and whether it is what the live side has.

Contents never come here: each key has a digest that says something beside the other digests of the same look alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from flipgate.core.spec.parity import Parity
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.place import Place
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.keepers import Keeper
from flipgate.core.workloads.named import CONFIG_MAP, SECRET, Named, Ref
from flipgate.core.workloads.render import GENERATED

NEEDED = "what pods name is there"
EQUAL = "the same on both sides"
COMMANDS = {CONFIG_MAP: "configmap", SECRET: "secret", "ServiceAccount": "serviceaccount"}
KEYS_SHOWN = 5
ACCOUNT_TOKEN = "kubernetes.io/service-account-token"
"""A Secret of this type is its namespace's own: it is never copied."""


@dataclass(frozen=True)
class Contents:
    """One object as it was read, without its content."""

    digests: Mapping[str, str] = field(default_factory=dict)
    """By key; equal where the content is, within one look."""
    type: str = ""
    """Of a Secret."""
    immutable: bool = False
    kept_by: Keeper | None = None


@dataclass(frozen=True)
class SideObjects:
    """What the pods of one side name, and what was found of it."""

    place: Place
    named: tuple[Named, ...] = ()
    found: Mapping[Ref, Contents | None] = field(default_factory=dict)
    """None: it is not there."""
    unread: Mapping[Ref, str] = field(default_factory=dict)
    """What may not be read, and what shows that."""


def rows(parity: Parity | None, live: SideObjects, dark: SideObjects) -> list[Evidence]:
    """Returns a row for each thing that is missing, differs or may not be read, and one for all that is as it should
    be. Without `parity` in the file what differs, and what may not be read, is only shown."""
    told = _Judging(parity or Parity(), parity is not None, live, dark)
    bad = [*told.missing(), *told.different(), *told.unread()]
    return [*bad, *told.passed(bad)]


def pairs(live: Iterable[Ref], dark: Iterable[Ref]) -> dict[Ref, tuple[Ref, Ref]]:
    """Returns what is the same thing on both sides, by kind and name as people call it: without the hash that kustomize
    puts behind a name, where both have one."""
    theirs = {_base(ref): ref for ref in live}
    return {_base(ref): (theirs[_base(ref)], ref) for ref in dark if _base(ref) in theirs}


def copies(parity: Parity, live: SideObjects, dark: SideObjects) -> list[Ref]:
    """Returns what is to be copied now, of what is declared so: what differs, or is not there."""
    told = _Judging(parity, True, live, dark)
    declared = [(each.kind, each.name or "") for each in parity.copies()]
    return [ref for ref in declared if live.found.get(ref) and ref not in dark.unread and told.to_copy(ref)]


def not_copied(source: Contents, target: Contents | None) -> str:
    """Returns why an object is not copied over another; empty where it can be."""
    if source.type == ACCOUNT_TOKEN:
        return "is a token of its own namespace"
    if target and target.kept_by:
        return f"is kept by {target.kept_by}: change it there"
    if target and target.immutable:
        return "is immutable: delete it, and it is copied anew"
    if target and target.type != source.type:
        return f"is of type {target.type}, the live one of {source.type}: delete it, and it is copied anew"
    return ""


def _base(ref: Ref) -> Ref:
    match = GENERATED.fullmatch(ref[1])
    return (ref[0], match["base"]) if match and ref[0] in (CONFIG_MAP, SECRET) else ref


@dataclass(frozen=True)
class _Judging:
    parity: Parity
    declared: bool
    live: SideObjects
    dark: SideObjects

    def missing(self) -> Iterator[Evidence]:
        for each in self.dark.named:
            copied = self._is_copied(each.ref)
            side = self.live if copied else self.dark
            contents, whom = side.found.get(each.ref), f"named by {_few(each.by)}"
            if each.ref in side.unread or (copied and contents is None):  # these have rows of their own
                continue
            if contents is None and not each.needed:
                continue
            if contents is None:
                fact = f"does not exist in {side.place.namespace}, {whom}"
                verdict = Verdict.FAIL
                if each.pulls and not self.live.found.get(each.ref):
                    fact, verdict = f"{fact}, and the live side pulls its images without it, too", Verdict.INFO
                yield self._row(each.ref, verdict, fact, NEEDED, self._make(each.ref))
            elif lacking := sorted(each.keys - (self._keys_of_copy(each.ref) if copied else contents.digests.keys())):
                if copied and lacking[0] in (self.parity.kept_keys(*each.ref) or ()):
                    side = self.dark  # a copy leaves it as it is there
                fact = f"in {side.place.namespace} has no key {', '.join(lacking)}, {whom}"
                edit = f"kubectl -n {side.place.namespace} edit {COMMANDS[each.kind]} {each.name}"
                yield self._row(each.ref, Verdict.FAIL, fact, NEEDED, edit)

    def different(self) -> Iterator[Evidence]:
        compared = pairs(self.live.found, self.dark.found)
        for base, (theirs, ours) in sorted(compared.items()):
            old, new = self.live.found[theirs], self.dark.found[ours]
            if self._is_copied(ours):
                yield from self._copied(ours, old, new)
            elif old and new and (fact := self._differs(base, old, new)):
                verdict = Verdict.FAIL if self._equal(base) else Verdict.INFO
                yield self._row(ours, verdict, fact, EQUAL, self._compare(ours, theirs))
            elif self._by_name(base) and (gone := [p for p, it in ((self.live, old), (self.dark, new)) if not it]):
                where = " and ".join(side.place.namespace for side in gone)
                yield self._row(ours, Verdict.FAIL, f"does not exist in {where}, and is to be equal", EQUAL)

    def unread(self) -> Iterator[Evidence]:
        verdict = Verdict.UNKNOWN if self.declared else Verdict.INFO
        for side in (self.dark, self.live):
            for kind in sorted({kind for kind, _ in side.unread}):
                refs = sorted(ref for ref in side.unread if ref[0] == kind)
                names = _few([name for _, name in refs])
                fact = f"may not be read in {side.place.namespace}: {names}; whether it is right is not known"
                yield Evidence(
                    f"{kind}s of {side.place.side}",
                    verdict,
                    NEEDED,
                    str(side.place),
                    fact,
                    NEEDED,
                    mend=side.unread[refs[0]],
                )

    def passed(self, bad: Iterable[Evidence]) -> Iterator[Evidence]:
        there = [each.ref for each in self.dark.named if self.dark.found.get(each.ref)]
        not_so = {each.gate for each in bad if each.verdict is not Verdict.INFO}
        if not there or not_so:
            return
        counts = {kind: sum(each == kind for each, _ in there) for kind in COMMANDS}
        told = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items() if count)
        yield Evidence("parity", Verdict.PASS, NEEDED, str(self.dark.place), f"there: {told}", NEEDED)

    def to_copy(self, ref: Ref) -> bool:
        """Whether it has to be written: it differs, or is not there."""
        old, new = self.live.found.get(ref), self.dark.found.get(ref)
        return bool(old) and (new is None or bool(old and self._differs(ref, old, new)))

    def _copied(self, ref: Ref, old: Contents | None, new: Contents | None) -> Iterator[Evidence]:
        if ref in self.live.unread or ref in self.dark.unread:
            return
        if old is None:
            fact = f"does not exist in {self.live.place.namespace}, from which it is to be copied"
            yield self._row(ref, Verdict.FAIL, fact, EQUAL)
        elif self.to_copy(ref):
            why = not_copied(old, new)
            fact = f"in {self.dark.place.namespace} {why}" if why else self._foretold(ref, old, new)
            yield self._row(ref, Verdict.FAIL if why else Verdict.INFO, fact, EQUAL, self._compare(ref, ref))

    def _foretold(self, ref: Ref, old: Contents, new: Contents | None) -> str:
        what = self._differs(ref, old, new) if new else f"does not exist in {self.dark.place.namespace}"
        return f"{what}: it is copied from {self.live.place.namespace} once all rows that only look pass"

    def _differs(self, base: Ref, old: Contents, new: Contents) -> str:
        allowed = self.parity.kept_keys(*base)
        if allowed is None:
            return ""
        keys = sorted(
            key
            for key in (old.digests.keys() | new.digests.keys()) - allowed
            if old.digests.get(key) != new.digests.get(key)
        )
        kinds = [f"type {new.type}, live {old.type}"] if old.type != new.type else []
        what = [*kinds, *([f"keys {_few(keys)}"] if keys else [])]
        return f"differs from the live side's: {'; '.join(what)}" if what else ""

    def _equal(self, base: Ref) -> bool:
        """Whether the file wants it to be equal."""
        return any(each.kind == base[0] and each.name in (None, base[1]) for each in self.parity.equal)

    def _by_name(self, base: Ref) -> bool:
        return any((each.kind, each.name) == base for each in self.parity.equal)

    def _keys_of_copy(self, ref: Ref) -> frozenset[str]:
        """The keys that it has on the dark side once it has been copied."""
        old, new = self.live.found.get(ref), self.dark.found.get(ref)
        kept = self.parity.kept_keys(*ref) or frozenset()
        theirs, ours = (frozenset(each.digests) if each else frozenset[str]() for each in (old, new))
        return (theirs - kept) | (ours & kept)

    def _is_copied(self, ref: Ref) -> bool:
        return any((each.kind, each.name) == ref for each in self.parity.copies())

    def _make(self, ref: Ref) -> str:
        """What makes it: as it is on the live side, where that has it."""
        (kind, name), old = ref, self.live.place.namespace
        new, word = self.dark.place.namespace, COMMANDS[kind]
        there = self.live.found.get(ref)
        if there and there.kept_by is None:
            change = f"sed 's/namespace: {old}/namespace: {new}/'"
            return f"kubectl -n {old} get {word} {name} -o yaml | {change} | kubectl create -f -"
        return f"kubectl -n {new} create {word} {'generic ' if kind == SECRET else ''}{name}"

    def _compare(self, ours: Ref, theirs: Ref) -> str:
        (kind, name), word = ours, COMMANDS[ours[0]]
        new, old = self.dark.place.namespace, self.live.place.namespace
        show = "describe" if kind == SECRET else "get -o yaml"
        return f"kubectl -n {old} {show} {word} {theirs[1]}; kubectl -n {new} {show} {word} {name}"

    def _row(self, ref: Ref, verdict: Verdict, fact: str, wanted: str, mend: str = "") -> Evidence:
        return Evidence(f"{ref[0]} {ref[1]}", verdict, wanted, str(self.dark.place), fact, wanted, mend=mend)


def _few(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - KEYS_SHOWN} more" if len(found) > KEYS_SHOWN else ""
    return f"{', '.join(found[:KEYS_SHOWN])}{more}"

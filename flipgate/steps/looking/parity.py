"""Looks whether the dark side has what its pods name, and whether both sides have the same."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from flipgate.adapters.addresses import address
from flipgate.adapters.contents import (
    find_keeper,
    list_config_maps,
    list_pull_secrets,
    pull_secrets,
    read_contents,
)
from flipgate.core.record.release import Release
from flipgate.core.spec.parity import Parity
from flipgate.core.values.errors import FlipgateError, Forbidden
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.copying import copied_data
from flipgate.core.workloads.counts import whole_counts
from flipgate.core.workloads.keepers import GROUPS, KeeperSeen, keeper_row
from flipgate.core.workloads.named import (
    CONFIG_MAP,
    DEFAULT_ACCOUNT,
    SECRET,
    SERVICE_ACCOUNT,
    Named,
    Ref,
    accounts_of,
    named_by,
)
from flipgate.core.workloads.parity import Contents, SideObjects, copies, rows
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import configuration, side_of_release

PAUSE_SECONDS = 1.0
MANY = 5
"""More ConfigMaps than these, or ServiceAccounts, are read by one list, where that is allowed. Secrets never are: who
may list them may read all."""
SWITCH = "a switch"
"""In the place of the digest of a key by which flipgate tells pods what to do."""


@dataclass(frozen=True)
class Compared:
    """Both sides' objects at one look."""

    live: SideObjects
    dark: SideObjects


def read_parity(world: World, view: View, release: Release | None) -> list[Evidence]:
    """Returns the rows of what the dark side's pods name, and of what is other there than on the live side. An
    ExternalSecret or SealedSecret that keeps the release back is waited for where one is."""
    side = side_of_release(view, release)
    if side is None:
        return []
    compared = compare_objects(world, view, side)
    keepers, unread = _keepers(world, compared.dark)
    waited, patience = 0.0, _parity(world).wait_seconds if release else 0
    if patience and (pending := [each for each in keepers if each.pending]):
        waited = _await(world, pending, patience)
        compared = compare_objects(world, view, side)  # as it is by now, all of it under one key
        keepers, unread = _keepers(world, compared.dark)
    kept = [keeper_row(each, waited) for each in keepers]
    return [*rows(world.application.spec.parity, compared.live, compared.dark), *kept, *unread]


def _await(world: World, pending: Sequence[KeeperSeen], patience_seconds: float) -> float:
    """Waits until none of these keeps a release back, or time is over; returns the seconds. Only they are looked at
    meanwhile, and the Secrets that they have not made."""
    began, waited = world.monotonic(), 0.0
    while pending and waited < patience_seconds:
        world.sleep(min(PAUSE_SECONDS, patience_seconds - waited))
        waited = world.monotonic() - began
        again = world.each(partial(_seen_again, world), pending)
        pending = [each for each in again if each and each.pending]
    return waited


def _seen_again(world: World, seen: KeeperSeen) -> KeeperSeen | None:
    keeper, namespace = seen.keeper, seen.namespace
    try:
        made = seen.made or world.cluster.find(address(SECRET, namespace, keeper.name)) is not None
        found = find_keeper(world.cluster, keeper.kind, namespace, keeper.name, made=made)
    except FlipgateError:  # the look that follows says what cannot be read
        return seen
    return replace(found, wanted=seen.wanted) if found else None


def compare_objects(world: World, view: View, side: Side) -> Compared:
    """Reads what the pods of both sides name, and what the file declares; each object by its name."""
    key, coming = secrets.token_bytes(32), whole_counts(world.application, view.sides[side.other])
    idle = {name for name, count in coming.items() if not count}
    dark, live = (_read(world, view.sides[each], key, idle) for each in (side, side.other))
    return Compared(live, dark)


def copied_now(world: World, view: View, side: Side) -> list[Ref]:
    """Returns what has to be copied to this side by now."""
    parity = _parity(world)
    if not parity.copies():
        return []
    compared = compare_objects(world, view, side)
    return copies(parity, compared.live, compared.dark)


def coming_configuration(world: World, view: View, side: Side) -> dict[str, Any]:
    """Returns the ConfigMaps that the side's pods read, as they are once what is declared has been copied: so that a
    release is the same one before the copy and after it."""
    settings = configuration(world.cluster, view.sides[side])
    for each in _parity(world).copies():
        if each.kind == CONFIG_MAP and each.name in settings:
            source = world.cluster.find(address(CONFIG_MAP, view.sides[side.other].namespace, each.name))
            if source and _parity(world).kept_keys(each.kind, each.name) is not None:
                target, names = {"data": settings[each.name] or {}}, own_names(world, side)
                kept = kept_by_copy(world, each.kind, each.name)
                settings[each.name] = copied_data(source, target, kept, names)["data"] or None
    return settings


def kept_by_copy(world: World, kind: str, name: str) -> frozenset[str]:
    """Returns the keys that a copy leaves as the side has them: those that may differ, and those by which flipgate
    tells pods what to do."""
    ours = (*(s.consume for s in world.application.spec.services), *(each.clone for each in world.application.cloned()))
    told = {each.key for each in ours if each and (CONFIG_MAP, each.config_map) == (kind, name)}
    return (_parity(world).kept_keys(kind, name) or frozenset()) | told


def own_names(world: World, side: Side) -> dict[str, str]:
    """Returns what this side is called where the other one's content has that one's own name, or its namespace: both
    compare as the same."""
    theirs, ours = (world.application.place_of(each) for each in (side.other, side))
    return {theirs.namespace: ours.namespace, str(side.other): str(side)}


def named_secrets(world: World, sides: Iterable[SideState]) -> frozenset[tuple[str, str]]:
    """Returns the Secrets that the pods of these sides name, each with its namespace: by the cluster, which alone knows
    them. What may not be read of ServiceAccounts is left out."""
    found: set[tuple[str, str]] = set()
    for side in sides:
        named = named_by(side.workloads.values())
        try:
            named = (*named, *_pulling(named, _accounts(world, side, ())))
        except Forbidden:
            world.say(f"which Secrets ServiceAccounts of {side.side} name is not known")
        found |= {(side.namespace, each.name) for each in named if each.kind == SECRET}
    return frozenset(found)


def _parity(world: World) -> Parity:
    return world.application.spec.parity or Parity()


def _read(world: World, side: SideState, key: bytes, idle: Collection[str]) -> SideObjects:
    named, unread = named_by(side.workloads.values(), idle), dict[Ref, str]()
    found: dict[Ref, Contents | None] = {}
    try:
        accounts = _accounts(world, side, idle)
        named = tuple(sorted((*named, *_pulling(named, accounts)), key=lambda each: each.ref))
        read = {(SERVICE_ACCOUNT, name): None if names is None else Contents() for name, names in accounts.items()}
        found |= {each.ref: read[each.ref] for each in named if each.ref in read}
    except Forbidden:
        unread[SERVICE_ACCOUNT, DEFAULT_ACCOUNT] = _can_i((SERVICE_ACCOUNT, DEFAULT_ACCOUNT), side.namespace)
    declared = [(each.kind, each.name) for each in _parity(world).equal if each.name]
    refs = sorted({*(each.ref for each in named), *declared} - found.keys())
    own = frozenset({str(side.side), side.namespace})
    listed = _listed(world, side.namespace, key, own, [name for kind, name in refs if kind == CONFIG_MAP])
    found |= {ref: _without_switches(contents, ref, side) for ref, contents in listed.items()}
    refs = [ref for ref in refs if ref not in listed]
    one = partial(_one, world, side.namespace, key, own)
    for ref, contents in zip(refs, world.each(one, refs), strict=True):
        if isinstance(contents, Forbidden):
            unread[ref] = _can_i(ref, side.namespace)
        else:
            found[ref] = _without_switches(contents, ref, side)
    return SideObjects(side.place, named, found, unread)


def _listed(
    world: World, namespace: str, key: bytes, own: frozenset[str], names: Sequence[str]
) -> dict[Ref, Contents | None]:
    """Many ConfigMaps, by one list; none where that is not allowed."""
    if len(names) <= MANY:
        return {}
    try:
        found = list_config_maps(world.cluster, namespace, names, key=key, own=own)
    except Forbidden:
        return {}
    return {(CONFIG_MAP, name): contents for name, contents in found.items()}


def _one(world: World, namespace: str, key: bytes, own: frozenset[str], ref: Ref) -> Contents | Forbidden | None:
    try:
        return read_contents(world.cluster, ref[0], namespace, ref[1], key=key, own=own)
    except Forbidden as error:
        return error


def _accounts(world: World, side: SideState, idle: Collection[str]) -> dict[str, tuple[str, ...] | None]:
    """The ServiceAccounts of a side's pods, each read once: the Secrets that it pulls images with, or None where there
    is none of that name."""
    accounts = accounts_of(each for each in side.workloads.values() if each.name not in idle)
    if len(accounts) > MANY:
        with suppress(Forbidden):
            return dict(zip(accounts, list_pull_secrets(world.cluster, side.namespace, accounts), strict=True))
    found = world.each(partial(pull_secrets, world.cluster, side.namespace), accounts)
    return dict(zip(accounts, found, strict=True))


def _pulling(named: Iterable[Named], accounts: Mapping[str, tuple[str, ...] | None]) -> list[Named]:
    """The Secrets that accounts pull images with and no template names, each once, whatever number of accounts do."""
    known = {each.ref for each in named}
    by: dict[str, list[str]] = {}
    for account, names in accounts.items():
        for name in names or ():
            by.setdefault(name, []).append(f"{SERVICE_ACCOUNT} {account}")
    return [Named(SECRET, name, by=tuple(who), pulls=True) for name, who in by.items() if (SECRET, name) not in known]


def _without_switches(contents: Contents | None, ref: Ref, side: SideState) -> Contents | None:
    keys = side.set_in(ref[1]) if ref[0] == CONFIG_MAP else frozenset()
    if contents is None or not keys:
        return contents
    digests: Mapping[str, str] = {key: SWITCH if key in keys else each for key, each in contents.digests.items()}
    return replace(contents, digests=digests)


def _keepers(world: World, dark: SideObjects) -> tuple[list[KeeperSeen], list[Evidence]]:
    """What makes the dark side's Secrets from elsewhere: of one that is there its owner, of one that is missing what
    has its name. And what may not be read of that."""
    wanted: dict[tuple[str, str], bool] = {}
    for (kind, name), contents in sorted(dark.found.items()):
        if kind == SECRET and contents is None:
            wanted |= {(keeper, name): False for keeper in GROUPS}
        elif kind == SECRET and contents and contents.kept_by and contents.kept_by.kind in GROUPS:
            wanted[contents.kept_by.kind, contents.kept_by.name] = True

    declared = world.application.spec.parity is not None

    def one(ref: tuple[str, str]) -> KeeperSeen | FlipgateError | None:
        try:
            found = find_keeper(world.cluster, ref[0], dark.place.namespace, ref[1], made=wanted[ref])
            return replace(found, wanted=declared) if found else None
        except Forbidden as error:
            return error
        except FlipgateError as error:  # of somebody else's API: a webhook of it that is away is no fault of the pods'
            if declared:
                raise
            return error

    answers = dict(zip(wanted, world.each(one, wanted), strict=True))
    seen = [each for each in answers.values() if isinstance(each, KeeperSeen)]
    denied = {ref: each for ref, each in answers.items() if isinstance(each, FlipgateError)}
    return seen, [_not_known(world, ref, dark, error) for ref, error in denied.items()]


def _not_known(world: World, ref: Ref, dark: SideObjects, error: FlipgateError) -> Evidence:
    namespace, wanted = dark.place.namespace, "its Secret is made"
    verdict = Verdict.UNKNOWN if world.application.spec.parity else Verdict.INFO
    denied = isinstance(error, Forbidden)
    fact = f"may not be read in {namespace}" if denied else f"cannot be read in {namespace}: {error.fact}"
    mend = _can_i(ref, namespace) if denied else ""
    return Evidence(f"{ref[0]} {ref[1]}", verdict, "its condition", str(dark.place), fact, wanted, mend=mend)


def _can_i(ref: Ref, namespace: str) -> str:
    kind = ref[0].lower() + "s" + (f".{GROUPS[ref[0]]}" if ref[0] in GROUPS else "")
    return f"kubectl auth can-i get {kind}/{ref[1]} -n {namespace}"

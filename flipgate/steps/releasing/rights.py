"""Whether this user may do what flipgate must be allowed to do (core/rights/rules.py)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flipgate.core.rights.rule import Account, Asked, Rule, held_by, questions
from flipgate.core.rights.rules import Found, rules_of
from flipgate.core.spec.service import Service
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.workloads import taken_out
from flipgate.core.workloads.keepers import GROUPS
from flipgate.core.workloads.scaled_objects import KEDA
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side, look_at_traffic
from flipgate.steps.looking.parity import named_secrets


def missing_rights(world: World, namespace: str, account: Account | None = None) -> Iterator[str]:
    """Each right that flipgate needs and this user lacks, with the command that shows it: of one account, or of all.
    `namespace` is flipgate's own."""
    secrets = _secrets(world) if world.application.spec.parity else frozenset[tuple[str, str]]()
    keda, keepers = KEDA in world.cluster.groups(), _keepers(world)
    found = Found(keda=keda, gone=taken_out_of(world), secrets=secrets, keepers=keepers)
    rules = held_by(rules_of(world.application, namespace, found), account)
    yield from denied(world, (rule for rule in rules if rule.needed))


def look_for_rules(world: World, namespace: str) -> tuple[Rule, ...]:
    """What flipgate must be allowed to do, by the file and by what the cluster says beside it. What cannot be read of
    that is said, and left out."""
    behind: frozenset[tuple[str, str]] = frozenset()
    try:
        behind = named_behind(look_at_traffic(world))
    except FlipgateError as error:
        world.say(f"what the routes name was not looked at: {error}")
    keda, gone = KEDA in world.cluster.groups(), taken_out_of(world)
    found = Found(keda=keda, gone=gone, secrets=_secrets(world), keepers=_keepers(world), behind=behind)
    return rules_of(world.application, namespace, found)


def _secrets(world: World) -> frozenset[tuple[str, str]]:
    try:
        return named_secrets(world, [look_at_side(world, side) for side in Side])
    except FlipgateError as error:
        world.say(f"which Secrets pods name was not looked at: {error}")
        return frozenset()


def _keepers(world: World) -> frozenset[str]:
    return frozenset(kind for kind, group in GROUPS.items() if group in world.cluster.groups())


def named_behind(traffic: Traffic) -> frozenset[tuple[str, str]]:
    """Kind and name of what the routes name of a side and that is one of the kinds of route itself."""
    targets = (entry.target for route in traffic.leading for entry in route.entries)
    return frozenset((target.kind, target.name) for target in targets if target.kind in KINDS)


def taken_out_of(world: World) -> tuple[Service, ...]:
    """What either side ran and the file names no longer, by the record; nothing where that cannot be read."""
    try:
        record = world.store.find()
    except FlipgateError:
        return ()
    if record is None:
        return ()
    gone = {each.name: each for side in Side for each in taken_out.ran_on(world.application, record, side)}
    return tuple(gone.values())


def denied(world: World, rules: Iterable[Rule]) -> Iterator[str]:
    """Each right by itself, unless this user may do everything there: most who check a file by hand may. By name only
    what is not allowed on all that there is."""
    rules = tuple(rules)
    places = [*dict.fromkeys(rule.namespace for rule in rules)]
    everything = dict(zip(places, world.each(lambda place: _allowed(world, "*", "*", "*", place), places), strict=True))
    asked = [each for each in questions(rules) if not everything[each.namespace]]
    on_all = world.each(lambda each: _allowed(world, *each.question), asked)
    left = [each for each, may in zip(asked, on_all, strict=True) if not may]
    by_name = [(each, name) for each in left for name in each.names]
    answers = world.each(lambda one: _allowed(world, *one[0].question, one[1]), by_name)
    lacking: dict[Asked, list[str]] = {}
    for (each, name), may in zip(by_name, answers, strict=True):
        if not may:
            lacking.setdefault(each, []).append(name)
    for each in left:
        if each in lacking or not each.names:
            yield each.denied(tuple(lacking.get(each, ())))


def _allowed(world: World, verb: str, group: str, resource: str, namespace: str, name: str = "") -> bool:
    return world.cluster.allowed(verb, group, resource, namespace, name)

"""What runs on a side."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from pydantic import Field

from flipgate.core.spec.service import Role
from flipgate.core.values.base import Model, but
from flipgate.core.values.stored import Address, Name, Text
from flipgate.core.values.text import written_bytes


class Contract(Model):
    """A contract migration that was done: the data can no longer be read by the code that came before it."""

    reason: Text
    by: Name
    at: datetime


class Ran(Model):
    """What a service is that a side runs: needed when the file names it no longer."""

    role: Role
    kind: Name = Field(default="", exclude_if=lambda kind: not kind)
    """Of workload, where its role does not say it."""
    config_map: Name = Field(default="", exclude_if=lambda name: not name)
    """Of a mixed one: the ConfigMap that tells its pods whether to consume."""
    key: Name = Field(default="", exclude_if=lambda key: not key)


class Occupant(Model):
    """What runs on a side, as far as flipgate put or adopted it there. Without images, nothing ever did (`init`).

    Once users have left it, `images`, `replicas`, `suspended` (CronJobs that somebody had stopped there) and
    `configuration` (the hash of the ConfigMaps it reads, empty where nobody noted it) are what it carried while it was
    live. `up_seconds` is how long it took to get Ready and checked
    the last time. `contracted` closes the way back to it. `accepted`: services of which a person took fewer pods as
    right than the file asks for, with how many.
    """

    release: Name | None = None
    images: dict[Name, Address] = {}
    roles: dict[Name, Ran] = Field(default={}, exclude_if=lambda roles: not roles)
    """What each of `images` is, where somebody noted it."""
    replicas: dict[Name, int] = {}
    accepted: dict[Name, int] = Field(default={}, exclude_if=lambda counts: not counts)
    suspended: tuple[Name, ...] = Field(default=(), exclude_if=lambda names: not names)
    since: datetime
    configuration: Name = ""
    up_seconds: float | None = None
    contracted: Contract | None = None


INDENTS: Final = 40
"""Bytes of one entry that are neither its name nor its value."""
LARGEST_BYTES: Final = 170_000
"""Of what is noted of one side's services: as much as the most services that a file may have, with the longest names
and images there may be. What those that were taken out of it add is bounded by this, too (core/record/size.py)."""


def fitting(occupant: Occupant, declared: Collection[str]) -> tuple[Occupant, tuple[str, ...]]:
    """Returns the occupant without the services that there is no room for, and their names. Those that are declared
    stay, whatever they take; then what works on the live side only and has pods, for the way back starts it again."""
    room = LARGEST_BYTES - sum(_bytes(occupant, name) for name in declared)
    others = (occupant.images.keys() | occupant.roles.keys() | occupant.replicas.keys()) - set(declared)
    left = list[str]()
    for name in sorted(others, key=lambda name: (not _starts_again(occupant, name), name)):
        room -= _bytes(occupant, name)
        if room < 0:
            left.append(name)
    return (without(occupant, left), tuple(left)) if left else (occupant, ())


def without(occupant: Occupant, names: Collection[str]) -> Occupant:
    """Returns the occupant without what is noted of these services."""
    return but(
        occupant,
        images={name: each for name, each in occupant.images.items() if name not in names},
        roles={name: each for name, each in occupant.roles.items() if name not in names},
        replicas={name: each for name, each in occupant.replicas.items() if name not in names},
        accepted={name: each for name, each in occupant.accepted.items() if name not in names},
        suspended=tuple(name for name in occupant.suspended if name not in names),
    )


def _starts_again(occupant: Occupant, name: str) -> bool:
    ran = occupant.roles.get(name)
    return ran is not None and ran.role != "serving" and bool(occupant.replicas.get(name))


def _bytes(occupant: Occupant, name: str) -> int:
    """The bytes that a service takes in the record's JSON, with its indents."""
    kept = (
        occupant.images,
        occupant.roles,
        occupant.replicas,
        occupant.accepted,
        dict.fromkeys(occupant.suspended, ""),
    )
    noted = [each.get(name) for each in kept]
    said = [
        each.model_dump_json(by_alias=True) if isinstance(each, Ran) else str(each)
        for each in noted
        if each is not None
    ]
    return sum(written_bytes(name) + written_bytes(each) + INDENTS for each in said)

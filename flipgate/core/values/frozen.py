"""Frozen values: Python's dataclasses, without methods that are compiled anew for each class.

Python writes and compiles six methods for a frozen class, 0.4 ms; a command imports two hundred classes while somebody
waits for its first request, and makes values of a few. `dataclasses.replace`, `fields` and type checkers take these
classes as they take Python's. What they do not do, which nothing here needs, is refused where a class is made.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, NamedTuple

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen: bool = False, order: bool = False):
        """As Python's; what is not frozen, or has an order, is left to it. Raises TypeError for what is not done."""
        if cls is None:
            return lambda decorated: dataclass(decorated, frozen=frozen, order=order)
        if not frozen or order:
            if cls.__init__ is _init:
                raise TypeError(f"{cls.__qualname__} is more than a frozen value, and one of its bases is one")
            return dataclasses.dataclass(cls, frozen=frozen, order=order)
        own = set(vars(cls))
        dataclasses.dataclass(cls, init=False, repr=False, eq=False)
        _need_plain(cls, own)
        for name, method in METHODS.items():
            if name not in own:
                setattr(cls, name, method)
        return cls


def _need_plain(cls: Any, own: set[str]) -> None:
    fields = dataclasses.fields(cls)
    if odd := own & {"__init__", "__eq__", "__hash__", "__setattr__", "__delattr__"}:
        raise TypeError(f"{cls.__qualname__} has its own {', '.join(sorted(odd))}, and is no frozen value")
    if odd := {each.name for each in fields if not each.init or each.kw_only or each.hash is not None}:
        raise TypeError(f"fields of a frozen value are given by place or name, and hashed: {', '.join(sorted(odd))}")
    given = [each.default is each.default_factory is dataclasses.MISSING for each in fields]
    if sorted(given, reverse=True) != given:
        raise TypeError(f"a field of {cls.__qualname__} without a default follows one that has one")


class _Fields(NamedTuple):
    """What the methods have to know of a class."""

    names: tuple[str, ...]
    """In the order of its values."""
    known: frozenset[str]
    defaults: dict[str, Any]
    factories: dict[str, Any]
    compared: tuple[str, ...]
    """Empty for all."""
    shown: tuple[str, ...]


_KNOWN: Final[dict[type, _Fields]] = {}
"""Of each class that a value was made of."""


def _fields(cls: type) -> _Fields:
    if cls not in _KNOWN:
        _KNOWN[cls] = _read(cls)
    return _KNOWN[cls]


def _read(cls: Any) -> _Fields:
    fields = dataclasses.fields(cls)
    compared = tuple(each.name for each in fields if each.compare)
    return _Fields(
        tuple(each.name for each in fields),
        frozenset(each.name for each in fields),
        {each.name: each.default for each in fields if each.default is not dataclasses.MISSING},
        {each.name: each.default_factory for each in fields if each.default_factory is not dataclasses.MISSING},
        compared if len(compared) < len(fields) else (),
        tuple(each.name for each in fields if each.repr),
    )


def _init(self: Any, /, *given: Any, **named: Any) -> None:
    cls, values = type(self), self.__dict__
    fields = _fields(cls)
    values.update(zip(fields.names, given, strict=False))
    values.update(named)
    if not fields.known.issuperset(named) or len(values) < len(given) + len(named):
        raise TypeError(f"{cls.__qualname__}() was given what it does not have, too many values, or one twice")
    if len(values) < len(fields.names):
        for name in fields.names:
            if name not in values:
                values[name] = _default(fields, name, cls)
    if hasattr(cls, "__post_init__"):
        self.__post_init__()


def _default(fields: _Fields, name: str, cls: type) -> Any:
    if name in fields.defaults:
        return fields.defaults[name]
    if name in fields.factories:
        return fields.factories[name]()
    raise TypeError(f"{cls.__qualname__}() was given no {name}")


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in _fields(type(self)).shown)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    mine, others = self.__dict__, other.__dict__
    compared = _fields(type(self)).compared
    return all(mine[name] == others[name] for name in compared) if compared else mine == others


def _hash(self: Any) -> int:
    fields = _fields(type(self))
    values = self.__dict__
    return hash(tuple([values[name] for name in fields.compared or fields.names]))


def _set(_self: Any, name: str, _value: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(_self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


METHODS: Final = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _set,
    "__delattr__": _delete,
}

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
    if odd := own & (METHODS.keys() - {"__repr__"}):
        raise TypeError(f"{cls.__qualname__} has its own {', '.join(sorted(odd))}, and is no frozen value")
    if odd := {each.name for each in fields if not each.init or each.kw_only or each.hash is not None}:
        raise TypeError(f"fields of a frozen value are given by place or name, and hashed: {', '.join(sorted(odd))}")
    given = [each.default is each.default_factory is dataclasses.MISSING for each in fields]
    if sorted(given, reverse=True) != given:
        raise TypeError(f"a field of {cls.__qualname__} without a default follows one that has one")


class _Fields(NamedTuple):
    """What the methods have to know of a class."""

    by_name: dict[str, dataclasses.Field[Any]]
    """In the order of its values."""
    compared: tuple[str, ...] | None
    """None for all."""


_KNOWN: Final[dict[type, _Fields]] = {}
"""Of each class that a value was made of."""


def _fields(cls: Any) -> _Fields:
    if cls not in _KNOWN:
        by_name = {each.name: each for each in dataclasses.fields(cls)}
        compared = tuple(name for name, each in by_name.items() if each.compare)
        _KNOWN[cls] = _Fields(by_name, compared if len(compared) < len(by_name) else None)
    return _KNOWN[cls]


def _init(self: Any, /, *given: Any, **named: Any) -> None:
    cls, values = type(self), self.__dict__
    fields = _fields(cls).by_name
    values.update(zip(fields, given, strict=False))
    values.update(named)
    if not named.keys() <= fields.keys() or len(values) < len(given) + len(named):
        raise TypeError(f"{cls.__qualname__}() was given what it does not have, too many values, or one twice")
    if len(values) < len(fields):
        for name, field in fields.items():
            if name not in values:
                values[name] = _default(field, cls)
    if hasattr(cls, "__post_init__"):
        self.__post_init__()


def _default(field: dataclasses.Field[Any], cls: type) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise TypeError(f"{cls.__qualname__}() was given no {field.name}")


def _repr(self: Any) -> str:
    fields = _fields(type(self)).by_name
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name, field in fields.items() if field.repr)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    mine, others = self.__dict__, other.__dict__
    compared = _fields(type(self)).compared
    return mine == others if compared is None else all(mine[name] == others[name] for name in compared)


def _hash(self: Any) -> int:
    fields = _fields(type(self))
    values = self.__dict__
    return hash(tuple([values[name] for name in (fields.by_name if fields.compared is None else fields.compared)]))


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

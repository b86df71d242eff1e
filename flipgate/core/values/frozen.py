"""Frozen values: Python's dataclasses, without methods that are compiled anew for each class.

Python writes and compiles six methods for a frozen class, 0.4 ms; a command imports two hundred classes while somebody
waits for its first request, and makes values of a few. `dataclasses.replace`, `fields` and all others take these
classes as they take their own.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, NamedTuple

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen: bool = False, order: bool = False):
        """As Python's; what is not frozen, or has an order, is left to it."""
        if cls is None:
            return lambda decorated: dataclass(decorated, frozen=frozen, order=order)
        if not frozen or order:
            return dataclasses.dataclass(cls, frozen=frozen, order=order)
        own = set(vars(cls))
        dataclasses.dataclass(cls, init=False, repr=False, eq=False)
        for name, method in METHODS.items():
            if name not in own:
                setattr(cls, name, method)
        return cls


class _Fields(NamedTuple):
    """What the methods have to know of a class."""

    given: tuple[str, ...]
    """In the order of its values."""
    defaults: dict[str, Any]
    factories: dict[str, Any]
    compared: tuple[str, ...]
    shown: tuple[str, ...]


_KNOWN: Final[dict[type, _Fields]] = {}
"""Of each class that a value was made of."""


def _fields(cls: type) -> _Fields:
    if cls not in _KNOWN:
        _KNOWN[cls] = _read(cls)
    return _KNOWN[cls]


def _read(cls: Any) -> _Fields:
    fields = [each for each in dataclasses.fields(cls) if each.init]
    return _Fields(
        tuple(each.name for each in fields),
        {each.name: each.default for each in fields if each.default is not dataclasses.MISSING},
        {each.name: each.default_factory for each in fields if each.default_factory is not dataclasses.MISSING},
        tuple(each.name for each in dataclasses.fields(cls) if each.compare),
        tuple(each.name for each in dataclasses.fields(cls) if each.repr),
    )


def _init(self: Any, /, *given: Any, **named: Any) -> None:
    cls, values = type(self), self.__dict__
    fields = _fields(cls)
    values.update(zip(fields.given, given, strict=False))
    values.update(named)
    if len(given) > len(fields.given) or len(values) < len(given) + len(named):
        raise TypeError(f"{cls.__qualname__}() was given too many values, or one twice")
    if len(values) < len(fields.given):
        for name in fields.given:
            if name not in values:
                values[name] = _default(fields, name, cls)
    if len(values) > len(fields.given):
        raise TypeError(f"{cls.__qualname__}() has no {', '.join(values.keys() - set(fields.given))}")
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


def _compared(self: Any) -> tuple[Any, ...]:
    values = self.__dict__
    return tuple([values[name] for name in _fields(type(self)).compared])


def _eq(self: Any, other: Any) -> Any:
    return _compared(self) == _compared(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self))


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

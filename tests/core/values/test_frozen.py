"""A frozen value is what Python's own dataclass would be: each test is made of both."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from collections.abc import Callable
from dataclasses import field
from typing import Any, Generic, TypeVar

import pytest

from flipgate.core.values import frozen
from tests.core import source

T = TypeVar("T")


def _made(dataclass: Any, called: str) -> Any:
    class Value(Generic[T]):
        """A value."""

        name: str
        count: int = 1
        tags: list[T] = field(default_factory=list, repr=False)
        seen: int = field(default=0, compare=False)

        def __post_init__(self) -> None:
            if self.count < 0:
                raise ValueError(self.name)

    Value.__name__ = Value.__qualname__ = called
    return dataclass(Value, frozen=True)


Ours, Pythons = _made(frozen.dataclass, "Ours"), _made(dataclasses.dataclass, "Pythons")


@frozen.dataclass(frozen=True)
class Hashed:
    """One that can be hashed, with a method of its own."""

    name: str
    seen: int = field(default=0, compare=False)

    def __repr__(self) -> str:
        return self.name


@frozen.dataclass(frozen=True)
class Longer(Hashed):
    """One with a field more."""

    more: tuple[int, ...] = ()


BOTH = pytest.mark.parametrize("made", [Ours, Pythons])


@BOTH
def test_a_value_is_made_by_place_and_by_name(made: Any) -> None:
    value = made("a", 2, tags=["x"])
    assert dataclasses.asdict(value) == {"name": "a", "count": 2, "tags": ["x"], "seen": 0}
    assert repr(value) == f"{made.__name__}(name='a', count=2, seen=0)"
    assert made("a").tags is not made("a").tags
    assert made[int](name="a", seen=3) == made("a")
    assert (made("a"), made("a", 2)) != (made("a"), made("a"))
    with pytest.raises(ValueError, match=r"^b$"):
        made("b", -1)


WRONG: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((), {"count": 1}),
    ((), {"name": "a", "other": 1}),
    ((), {"name": "a", "count": 1, "tags": [], "other": 2}),
    ((), {"one": 1, "two": 2, "three": 3, "four": 4}),
    (("a", 1, []), {"other": 2}),
    (("a",), {"other": 1}),
    (("a",), {"name": "b"}),
    (("a", 1, [], 2), {"seen": 2}),
    (("a", 1, [], 2), {"other": 1}),
    (("a", 1, [], 2, 3), {}),
]


@BOTH
@pytest.mark.parametrize(("given", "named"), WRONG, ids=str)
def test_what_does_not_fit_is_refused(made: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        made(*given, **named)


@BOTH
def test_a_value_cannot_be_changed_but_another_made_of_it(made: Any) -> None:
    value = made("a", tags=[1])
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.name
    other = dataclasses.replace(value, count=2)
    assert (other.count, other.tags, value.count) == (2, [1], 1)
    assert copy.deepcopy(value) == value == pickle.loads(pickle.dumps(value))
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)
    match value:
        case made("a", 1, [1]):
            pass
        case _:
            pytest.fail("did not match")


def test_an_equal_value_has_the_same_hash_and_one_of_another_class_is_another() -> None:
    assert {Hashed("a"), Hashed("a", 1)} == {Hashed("a")}
    assert Hashed("a") != Longer("a")
    assert Longer("a", more=(1,)) == Longer("a", 5, (1,))
    assert Longer("a", more=(1,)) != Longer("a", more=(2,))
    assert [repr(Hashed("a")), repr(Longer("b"))] == ["a", "Longer(name='b', seen=0, more=())"]


def test_what_compares_nothing_is_equal() -> None:
    @frozen.dataclass(frozen=True)
    class Alike:
        seen: int = field(compare=False)

    assert (Alike(1), hash(Alike(1))) == (Alike(2), hash(Alike(2)))


def test_what_has_an_order_or_can_change_is_pythons_own() -> None:
    @frozen.dataclass(frozen=True, order=True)
    class Ordered:
        number: int

    @frozen.dataclass
    class Open:
        number: int

    assert sorted([Ordered(2), Ordered(1)]) == [Ordered(1), Ordered(2)]
    opened = Open(1)
    opened.number = 2
    assert opened == Open(2)


def _with(body: dict[str, Any], base: type = object, **how: Any) -> Callable[[], Any]:
    """Makes a class of this, when it is called."""
    hints = {name: int for name in body if not name.startswith("__")}
    return lambda: frozen.dataclass(type("Odd", (base,), {**body, "__annotations__": hints}), **how)


ODD = {
    "an __eq__ of its own": _with({"__eq__": lambda *_: True}, frozen=True),
    "a field that is not given": _with({"a": field(init=False)}, frozen=True),
    "a field by name alone": _with({"a": field(kw_only=True)}, frozen=True),
    "a field that is not hashed": _with({"a": field(hash=False)}, frozen=True),
    "a field without a default after one with": _with({"a": 1, "b": field()}, frozen=True),
    "one that can change on one that cannot": _with({"a": 1}, Hashed),
    "one with an order on one without": _with({"a": 1}, Hashed, frozen=True, order=True),
}


@pytest.mark.parametrize("made", ODD.values(), ids=ODD)
def test_what_is_not_done_is_refused(made: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match=r"Odd|fields of a frozen value"):
        made()


def test_every_frozen_value_of_the_package_is_made_so() -> None:
    for path in source.files("flipgate"):
        text = path.read_text()
        if "@dataclass(frozen=True" in text:
            assert "from flipgate.core.values.frozen import dataclass" in text, path
            assert not re.search(r"from dataclasses import .*\bdataclass\b", text), path

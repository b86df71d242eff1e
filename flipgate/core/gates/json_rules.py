"""What a check may ask of a value in a JSON body, beside equality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, JsonValue, model_validator

from flipgate.core.spec.fields import FileModel, valid_paths
from flipgate.core.values.foreign import shown
from flipgate.core.values.jsonpath import PathMissing, look_up, same
from flipgate.core.values.patterns import DeclaredPattern, compile_pattern


class JsonRule(FileModel):
    """What a value has to be. All that is declared has to hold; one that is not there holds nothing but `exists: false`
    and `notEmpty: false`."""

    exists: bool | None = Field(default=None, description="true: there is a value, be it null; false: there is none.")
    not_empty: bool | None = Field(
        default=None, description='true: neither null, nor "", [] or {}; false: one of these, or not there.'
    )
    matches: DeclaredPattern | None = Field(
        default=None, description="A regular expression (RE2) that is found in the text."
    )
    one_of: tuple[JsonValue, ...] | None = Field(default=None, min_length=1, description="One of these values.")
    less_than: float | None = Field(default=None, description="A number below this one.")
    greater_than: float | None = Field(default=None, description="A number above this one.")

    @model_validator(mode="after")
    def _asks_something(self) -> JsonRule:
        if not self.model_fields_set:
            raise ValueError("asks nothing; declare exists, notEmpty, matches, oneOf, lessThan or greaterThan")
        return self


JsonRules = Annotated[dict[str, JsonRule], AfterValidator(valid_paths)]


def misses(rules: Mapping[str, JsonRule], document: Any) -> list[str]:
    """Returns what of these rules, by path, the document does not hold, one sentence each."""
    return [
        f"JSON path {path} {miss}" for path, rule in sorted(rules.items()) for miss in _misses(path, rule, document)
    ]


def _misses(path: str, rule: JsonRule, document: Any) -> list[str]:
    try:
        found = look_up(path, document)
    except PathMissing as missing:
        if rule.exists is False or rule.not_empty is False:
            return []
        return [f'lacks "{missing.at}"']
    return [f"is {shown(found)}, {wanted}" for wanted in (hold(rule, found) for hold in HOLDS) if wanted]


def _exists(rule: JsonRule, _: Any) -> str:
    return "expected none" if rule.exists is False else ""


def _not_empty(rule: JsonRule, found: Any) -> str:
    if rule.not_empty is None or (found in (None, "", [], {})) is not rule.not_empty:
        return ""
    return "expected one that is not empty" if rule.not_empty else "expected an empty one"


def _matches(rule: JsonRule, found: Any) -> str:
    try:
        if rule.matches is None or (isinstance(found, str) and compile_pattern(rule.matches).found_in(found)):
            return ""
    except ValueError as error:
        return f"and the pattern {shown(rule.matches)} {error}"
    return f"expected text that matches {shown(rule.matches)}"


def _one_of(rule: JsonRule, found: Any) -> str:
    if rule.one_of is None or any(same(found, each) for each in rule.one_of):
        return ""
    return f"expected one of {', '.join(map(shown, rule.one_of))}"


def _bounds(rule: JsonRule, found: Any) -> str:
    number = found if isinstance(found, int | float) and not isinstance(found, bool) else None
    if rule.less_than is not None and (number is None or not number < rule.less_than):
        return f"expected a number below {rule.less_than:g}"
    if rule.greater_than is not None and (number is None or not number > rule.greater_than):
        return f"expected a number above {rule.greater_than:g}"
    return ""


HOLDS: Final[tuple[Callable[[JsonRule, Any], str], ...]] = (_exists, _not_empty, _matches, _one_of, _bounds)
"""Each holds a value against keys of its own, and says what it expected."""

"""What the application's file is made of: names, ports, paths, as they are checked everywhere in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, JsonValue

from flipgate.core.spec.images import check_repository
from flipgate.core.values.base import Model
from flipgate.core.values.jsonpath import parse_path

T = TypeVar("T")
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = f"^{_LABEL}$"
_DOTTED = rf"^{_LABEL}(\.{_LABEL})*$"
_HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
_HTTP_PATH = r"^/[^\s#]*$"
LOOKS_LIKE: Mapping[str, str] = MappingProxyType(
    {
        _NAME: "small letters, digits and - (none at either end), as in shop-2",
        _DOTTED: "small letters, digits, - and dots (neither at an end), as in shop.example",
        _HEADER: "the name of a header, as X-Served-Side",
        _HTTP_PATH: "a path that begins with /, without spaces and #, as /healthz",
    }
)
"""What a value that has to match a pattern looks like, in words."""


def valid_paths(values: dict[str, T]) -> dict[str, T]:
    """Returns a mapping by JSON path as it is. Raises ValueError where a key is none."""
    for path in values:
        parse_path(path)
    return values


DataKey = Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)]
"""A key of a ConfigMap or Secret, as Kubernetes takes it."""
SwitchKey = Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=40)]
"""One that flipgate sets: it stands in the journal, and in sentences."""


def is_name(value: str) -> bool:
    """Whether an application may be called so: who asks for one says it in an event, in a form, in a command."""
    return len(value) <= APP_NAME_LENGTH and re.fullmatch(_LABEL, value) is not None


def _path(value: str) -> str:
    parse_path(value)
    return value


def _address(value: str) -> str:
    parts = urlsplit(value)
    try:
        named, port = parts.hostname, parts.port
    except ValueError:
        named, port = None, None
    if parts.scheme != "https" or not named or port == 0 or value != f"https://{parts.netloc}" or "@" in value:
        raise ValueError("must be https://NAME or https://NAME:PORT, and no more")
    return value


APP_NAME_LENGTH = 40
AppName = Annotated[str, Field(pattern=_NAME, max_length=APP_NAME_LENGTH)]
Namespace = Annotated[str, Field(pattern=_NAME, max_length=63)]
ObjectName = Annotated[str, Field(pattern=_DOTTED, max_length=253)]
HeaderName = Annotated[str, Field(pattern=_HEADER)]
HttpPath = Annotated[str, Field(pattern=_HTTP_PATH)]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, Field(pattern=_DOTTED, max_length=253)]
PortName = Annotated[str, Field(pattern=_NAME, max_length=63)]
Scheme = Literal["http", "https"]
Address = Annotated[str, AfterValidator(_address)]
Repository = Annotated[str, AfterValidator(check_repository)]
JsonPath = Annotated[str, AfterValidator(_path)]
JsonPaths = Annotated[dict[str, JsonValue], AfterValidator(valid_paths)]


class FileModel(Model):
    """A part of the application's file."""

    model_config = ConfigDict(allow_inf_nan=False)

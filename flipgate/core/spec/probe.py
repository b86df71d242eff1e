"""What flipgate's own requests bring with them, where something stands in front of the whole host."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, ValidationInfo, model_validator

from flipgate.core.spec.fields import DataKey, FileModel, HeaderName, ObjectName
from flipgate.core.values.base import is_new

AUTHORIZATION: Final = "authorization"
_NOT_TO_SEND: Final = ("host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "accept-encoding")
_SCHEMES: Final = ("bearer ", "basic ", "digest ")
"""How what stands in for a password begins (https://www.iana.org/assignments/http-authschemes)."""
_API_SERVERS: Final = ("impersonate-", "x-remote-")
"""By these who asks the API server says whom they are: it would ask as somebody else, or not at all."""


class SecretKey(FileModel):
    """A key of a Secret in flipgate's own namespace."""

    name: ObjectName = Field(description="The Secret's name.")
    key: DataKey = Field(description="The key that holds the value.")


class ProbeHeader(FileModel):
    """A header of flipgate's own requests to users' host."""

    name: HeaderName = Field(description="The header's name.")
    value: Annotated[str, Field(pattern=r"^[\x20-\x7E]+$", max_length=4096)] | None = Field(
        default=None, description="Its value, where that is nothing to be kept."
    )
    secret: SecretKey | None = Field(
        default=None,
        description="Where its value is: a Secret in flipgate's own namespace, read by name, and never shown.",
    )

    @model_validator(mode="after")
    def _one_value(self, info: ValidationInfo) -> ProbeHeader:
        if (self.value is None) is (self.secret is None):
            raise ValueError("needs either value or secret")
        name = self.name.lower()
        if name in _NOT_TO_SEND or name.startswith(_API_SERVERS):
            raise ValueError(f"{self.name} is flipgate's own, or the API server's: no request of users' has it")
        if name == AUTHORIZATION and self.secret is None:
            raise ValueError("Authorization belongs into a Secret: declare secret in the place of value")
        if is_new(info) and (self.value or "").lower().startswith(_SCHEMES):
            raise ValueError(f"{self.name} holds a credential (not shown): declare secret in the place of value")
        return self


class Probe(FileModel):
    """flipgate's own requests to users' host."""

    headers: tuple[ProbeHeader, ...] = Field(
        default=(),
        description="Headers that let them through what stands in front of the host: forwardAuth, basicAuth.",
    )
    status: int | None = Field(
        default=None,
        ge=200,
        le=499,
        description="The status that a side has to answer with, any other counts as an error; any below 500 when left "
        "out.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> Probe:
        seen: set[str] = set()
        for header in self.headers:
            if header.name.lower() in seen:
                raise ValueError(f"headers named more than once: {header.name}")
            seen.add(header.name.lower())
        return self

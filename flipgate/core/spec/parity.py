"""What both sides have to agree on around their images: the Secrets and ConfigMaps that their workloads name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from flipgate.core.spec.fields import DataKey, FileModel, ObjectName

ContentKind = Literal["ConfigMap", "Secret"]


class EqualObject(FileModel):
    """A Secret or ConfigMap that has the same content on both sides."""

    kind: ContentKind = Field(description="Its kind.")
    name: ObjectName | None = Field(
        default=None, description="Its name; all of this kind that the workloads name, when left out."
    )
    sync: Literal["check", "copy"] = Field(
        default="check",
        description="`check` refuses a release where it differs; `copy` copies it from the live side to the dark one.",
    )

    @model_validator(mode="after")
    def _copied_by_name(self) -> EqualObject:
        if self.sync == "copy" and self.name is None:
            raise ValueError("sync: copy needs a name: what is written is declared one by one")
        return self


class DifferingObject(FileModel):
    """A Secret or ConfigMap that may differ."""

    kind: ContentKind = Field(description="Its kind.")
    name: ObjectName = Field(description="Its name, without the hash that kustomize adds.")
    data_keys: tuple[DataKey, ...] = Field(
        default=(),
        alias="keys",
        description="The keys that may differ, and that a copy leaves as they are; all when left out.",
    )


class Parity(FileModel):
    """What both sides have to agree on before a release is brought up."""

    equal: tuple[EqualObject, ...] = Field(default=(), description="What has to be equal; else it is only shown.")
    differ: tuple[DifferingObject, ...] = Field(default=(), description="What may differ, and is not shown.")
    wait_seconds: int = Field(
        default=30,
        ge=0,
        le=600,
        description="How long an ExternalSecret or SealedSecret that is not Ready is waited for, in seconds.",
    )

    def copies(self) -> tuple[EqualObject, ...]:
        """Returns what is copied, in the file's order."""
        return tuple(each for each in self.equal if each.sync == "copy")

    def kept_keys(self, kind: str, name: str) -> frozenset[str] | None:
        """Returns the keys of an object that may differ: None for all of them."""
        found = [each for each in self.differ if (each.kind, each.name) == (kind, name)]
        if any(not each.data_keys for each in found):
            return None
        return frozenset(key for each in found for key in each.data_keys)

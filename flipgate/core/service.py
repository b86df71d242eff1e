"""One service of an application: what kind of workload it is, and on which side it works."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

from flipgate.core.fields import FileModel, ObjectName, PortName, Repository

Role = Literal["serving", "worker", "cron"]
Kind = Literal["Deployment", "CronJob"]
"""Of workload that a service is."""


def _not_given() -> Any:
    return None


class Service(FileModel):
    """One workload of a side: a Deployment, or a CronJob, of the same name in both namespaces."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"role": {"const": "cron"}}},
            "then": {"properties": {"replicas": False}},
            "else": {"required": ["replicas"]},
        }
    )

    name: ObjectName = Field(description="The Deployment's name, or the CronJob's.")
    role: Role = Field(
        description="serving: answers users through the routes. worker: consumes, and runs on the live side only. "
        "cron: a CronJob, suspended on every side but the live one."
    )
    replicas: int = Field(
        default_factory=_not_given,
        validate_default=True,
        ge=0,
        description="The wanted number of pods while this side is live or about to be. Of a cron: left out.",
    )
    container: PortName | None = Field(
        default=None, description="The container whose image is released; the pod's first when left out."
    )
    image: Repository | None = Field(
        default=None,
        description="The image's repository, without tag. An image of another repository is refused for this service.",
    )

    @field_validator("replicas", mode="before")
    @classmethod
    def _counts_pods(cls, given: Any, info: ValidationInfo) -> Any:
        if info.data.get("role") == "cron":
            if given is None:
                return 0
            raise ValueError("means nothing for a CronJob, which is suspended or not: leave it out")
        if given is None:
            raise PydanticKnownError("missing")
        return given

    @property
    def kind(self) -> Kind:
        """The kind of workload it is."""
        return "CronJob" if self.role == "cron" else "Deployment"

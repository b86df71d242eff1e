"""One service of an application: what kind of workload it is, and on which side it works."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError

from flipgate.core.spec.fields import (
    FileModel,
    HttpPath,
    JsonPath,
    ObjectName,
    PortName,
    PortNumber,
    Repository,
    Scheme,
    SwitchKey,
)
from flipgate.core.values.nearest import hint

Role = Literal["serving", "worker", "cron", "mixed"]
WorkloadKind = Literal["Deployment", "StatefulSet", "CronJob"]
"""What a service can be; what flipgate knows of each is a row of core/workloads/kinds.py."""
Kind = Literal[WorkloadKind, "ConfigMap", "ScaledObject", "HorizontalPodAutoscaler", "Job"]
"""Of object that flipgate stamps on a side: workloads, what tells pods whether to consume, what scales workers, and
Jobs of checks."""
MayChange = Literal[
    "command", "containers", "host", "runtimeClass", "secrets", "securityContext", "serviceAccount", "volumes"
]
"""What of a pod template gives it more power, or other code: core/workloads/differences.py says what each is of."""
OF_ROLES: Final = frozenset({"Deployment", "CronJob"})
"""Kinds that a service's role says: they need no key."""
DAEMON_SET: Final = "DaemonSet"
NO_DAEMON_SET: Final = (
    "cannot be scaled to zero: it runs on both sides, whichever is live. If it may do that (an agent of the nodes), "
    "leave it out of the file, and out of the sides' namespaces; else make it a Deployment"
)


def _not_given() -> Any:
    return None


class ConsumeStatus(FileModel):
    """What each Ready pod is asked, through the API server, to see that it does as it is told."""

    port: PortNumber = Field(description="The container port to ask.")
    scheme: Scheme = Field(
        default="http", description="How that port is asked. https: whatever certificate the pod has is taken."
    )
    path: HttpPath = Field(description="The path to ask for.")
    json_path: JsonPath = Field(
        alias="json", description="Where the JSON body says it: true while the pod consumes, false while it does not."
    )


class Consume(FileModel):
    """How a mixed service is told whether to consume: a key of a ConfigMap of its side, which its pods follow. `true`
    means yes, anything else (and a key that is not there) means no."""

    config_map: ObjectName = Field(
        description="The ConfigMap's name, in both namespaces; its other keys are left alone."
    )
    key: SwitchKey = Field(default="consume", description='The key that flipgate sets to "true" or "false".')
    status: ConsumeStatus | None = Field(
        default=None, description="How pods are asked whether they consume. Left out, settleSeconds are waited instead."
    )
    settle_seconds: int = Field(
        default=90, ge=0, description="How long pods that cannot be asked may take to follow the key, in seconds."
    )


class Service(FileModel):
    """One workload of a side: a Deployment, a StatefulSet or a CronJob, of the same name in both namespaces."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "if": {"properties": {"role": {"const": "cron"}}},
                    "then": {"properties": {"replicas": False, "kind": {"const": "CronJob"}}},
                    "else": {
                        "required": ["replicas"],
                        "properties": {"kind": {"enum": ["Deployment", "StatefulSet"]}},
                    },
                },
                {
                    "if": {"properties": {"kind": {"const": "StatefulSet"}}, "required": ["kind"]},
                    "else": {"properties": {"ownData": False}},
                },
                {
                    "if": {"properties": {"role": {"const": "mixed"}}},
                    "then": {"required": ["consume"]},
                    "else": {"properties": {"consume": False}},
                },
                {
                    "if": {"properties": {"role": {"enum": ["worker", "cron"]}}},
                    "then": {"properties": {"service": False}},
                },
            ]
        }
    )

    name: ObjectName = Field(description="The workload's name: that of the Deployment, StatefulSet or CronJob.")
    role: Role = Field(
        description="serving: answers users through the routes. worker: consumes, and runs on the live side only. "
        "cron: a CronJob, suspended on every side but the live one. mixed: serves, and consumes on the live side only."
    )
    kind: WorkloadKind = Field(
        default_factory=_not_given,
        validate_default=True,
        exclude_if=lambda kind: kind in OF_ROLES,
        description="The workload's kind, the same on both sides. Left out, a Deployment, or of role cron a CronJob.",
    )
    own_data: bool = Field(
        default=False,
        exclude_if=lambda own: not own,
        description="Of a StatefulSet with volume claims: that each side has data of its own is meant. Left out, "
        "`check` says what comes of it.",
    )
    service: ObjectName | None = Field(
        default=None,
        description="The Kubernetes Service before it, in both namespaces, which checks ask through: that of the "
        "workload's name when left out. Of one that serves.",
    )
    replicas: int = Field(
        default_factory=_not_given,
        validate_default=True,
        ge=0,
        description="The wanted number of pods while this side is live or about to be. Of a cron: left out.",
    )
    container: PortName | None = Field(
        default=None,
        description="The container that is the service's. Left out, it is the first whose image is of the declared "
        "repository (`image`), else the pod's first.",
    )
    image: Repository | None = Field(
        default=None,
        description="The image's repository, without tag. An image of another repository is refused for this service; "
        "all containers of this one, init containers too, get the release's image. Left out, those that have the very "
        "image of the service's container get it.",
    )

    may_change: tuple[MayChange, ...] = Field(
        default=(),
        exclude_if=lambda words: not words,
        description="What a release may change of its pods by which they get more power, or other code, than the live "
        "ones: a flip that would change it is refused otherwise. Not needed for what an overlay in Git says.",
    )
    consume: Consume | None = Field(default=None, description="Of a mixed service: how it is told whether to consume.")

    @field_validator("may_change", mode="before")
    @classmethod
    def _known_words(cls, given: Any) -> Any:
        known = get_args(MayChange)
        for word in given if isinstance(given, list) else ():
            if word not in known:
                raise ValueError(f'unknown word "{word}"; {hint(str(word), known)}')
        return tuple(given) if isinstance(given, list) else given

    @field_validator("kind", mode="before")
    @classmethod
    def _goes_with_its_role(cls, given: Any, info: ValidationInfo) -> Any:
        role = info.data.get("role")
        if given == DAEMON_SET:
            raise ValueError(f"a {DAEMON_SET} {NO_DAEMON_SET}")
        if given is None:
            return "CronJob" if role == "cron" else "Deployment"
        if role == "cron" and given in ("Deployment", "StatefulSet"):
            raise ValueError(f"a service of role cron is a CronJob, not a {given}")
        if role not in ("cron", None) and given == "CronJob":
            raise ValueError(f"a CronJob has `role: cron`, not {role}")
        return given

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

    @model_validator(mode="after")
    def _only_mixed_ones_are_told(self) -> Service:
        if self.role == "mixed" and self.consume is None:
            raise ValueError("a mixed service needs `consume`: how it is told whether to")
        if self.role != "mixed" and self.consume is not None:
            raise ValueError(f"has `consume`, which only a mixed service has; this one is {self.role}")
        return self

    @model_validator(mode="after")
    def _only_those_that_serve_have_a_service(self) -> Service:
        if self.service and not self.serves:
            raise ValueError(f"has `service`, by which only one that serves is asked; this one is {self.role}")
        return self

    @model_validator(mode="after")
    def _only_stateful_sets_have_data(self) -> Service:
        if self.own_data and self.kind != "StatefulSet":
            raise ValueError(f"has `ownData`, which only a StatefulSet has; this one is a {self.kind}")
        return self

    @property
    def serves(self) -> bool:
        """Whether it answers users: it is up on the dark side too, and counts before users are sent to it."""
        return self.role in ("serving", "mixed")

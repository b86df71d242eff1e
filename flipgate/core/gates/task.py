"""A task: what runs by itself and takes its time (a Job on a side, or a program on the worker). Checks are tasks, and
so is what an application declares to be done at a point of a release's way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from flipgate.core.gates.command_check import CommandKeys
from flipgate.core.gates.job_check import KEPT_SECONDS, JobKeys, images_in
from flipgate.core.spec.fields import AppName, FileModel, HttpPath, ObjectName, PortName, PortNumber, Scheme
from flipgate.core.values.nearest import hint

Kind = Literal["http", "command", "job", "workload"]
WORDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {"path": "http", "command": "command", "job": "job", "workload": "workload"}
)
"""The key by which a task is of a kind: exactly one of them."""


def _words(run: tuple[str, ...]) -> tuple[str, ...]:
    if any("\0" in word for word in run):
        raise ValueError("a word of a command has no NUL in it")
    return run


class WorkloadKeys(FileModel):
    """The keys of a Job that is made of a workload's own pod template."""

    workload: ObjectName | None = Field(
        default=None,
        description="A service, by its name above: a Job is made of its own pod template on that side, with the "
        "release's image, and runs what `run` says.",
    )
    run: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_words)] | None = Field(
        default=None, description="Of a workload: the words of the command that its container runs instead of its own."
    )


class Task(CommandKeys, JobKeys, WorkloadKeys):
    """What is run once, to its end: a Job (job), a Job made of a service's own pod template (workload and run), or a
    program (command)."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [word]} for word in WORDS if word != "path"]})

    noun: ClassVar[str] = "task"
    """What it is called in messages, and in the label of its Job."""
    kept_seconds: ClassVar[int] = KEPT_SECONDS
    """How long its Job is kept once it has ended, where that does not say so itself."""
    kind_keys: ClassVar[Mapping[Kind, frozenset[str]]] = MappingProxyType(
        {
            "command": frozenset({"command", "timeout_seconds"}),
            "job": frozenset({"job", "timeout_seconds"}),
            "workload": frozenset({"workload", "run", "timeout_seconds"}),
        }
    )
    """The keys that mean something to one of a kind; what is in none of these means the same to all."""

    name: AppName = Field(description="Its name, as shown in messages.")
    timeout_seconds: int = Field(
        default=300,
        ge=1,
        le=3_600,
        description="How long a command or a Job may run, in seconds; then it is ended, and fails.",
    )

    @classmethod
    def words(cls) -> tuple[str, ...]:
        """The keys of which it has exactly one."""
        return tuple(word for word, kind in WORDS.items() if kind in cls.kind_keys)

    @property
    def kind(self) -> Kind:
        """What it is: that of the one word it has."""
        return next(WORDS[word] for word in self.words() if getattr(self, word) is not None)

    @property
    def asked(self) -> str:
        """The service that it asks; empty of one that asks none."""
        return ""

    @property
    def makes_job(self) -> bool:
        """Whether it is a Job on a side."""
        return self.kind in ("job", "workload")

    @property
    def runs_by_itself(self) -> bool:
        """Whether it takes its time and may change things: run once for a release, and not again before the move."""
        return self.kind != "http"

    @property
    def written(self) -> dict[str, Any]:
        """What it declares as a Job: one that differs is another Job."""
        return self.job or {"workload": self.workload, "run": self.run}

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Task:
        words = [word for word in self.words() if getattr(self, word) is not None]
        if len(words) != 1:
            found = " and ".join(words) or "none"
            raise ValueError(
                f'{self.noun} "{self.name}" needs exactly one of {", ".join(self.words())} (it has: {found})'
            )
        if others := sorted(self._of_other_kinds()):
            raise ValueError(
                f'{self.noun} "{self.name}" has {", ".join(others)}, which one with {words[0]} does not have'
            )
        if self.workload and not self.run:
            raise ValueError(f'{self.noun} "{self.name}" needs run: the words of the command')
        return self

    def _of_other_kinds(self) -> Iterator[str]:
        """Keys that mean nothing here, and say something else than they do when left out."""
        for name in frozenset[str]().union(*self.kind_keys.values()) - self.kind_keys[self.kind]:
            field = type(self).model_fields[name]
            if getattr(self, name) != field.get_default(call_default_factory=True):
                yield field.alias or name

    def wrong_with(self, roles: Mapping[str, str]) -> Iterator[str]:
        """Yields what it says of services that are not declared, or have no pods on a dark side, by their roles."""
        named, name = f'{self.noun} "{self.name}"', self.workload or self.asked
        if name and name not in roles:
            yield f'{named} {"names" if self.workload else "asks"} unknown service "{name}"; {hint(name, roles)}'
        elif self.asked and roles[name] in ("worker", "cron"):
            yield f'{named} asks {roles[name]} "{name}", which has no pods on the dark side'

    @property
    def what(self) -> str:
        """What it does, in a word or a few."""
        if self.job:
            return f"Job of {images_in(self.job)}"
        if self.workload:
            return f"Job of {self.workload}'s own pods: {' '.join(self.run or ())}"
        return " ".join(self.command or ())

    @property
    def wanted(self) -> str:
        """What has to be so, for people."""
        done = "completes" if self.makes_job else "exit code 0"
        return f"{done} within {self.timeout_seconds} s"


class AskingTask(Task):
    """A task that may be an HTTP request in its place (path); a program among them is told whom it is about."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [word]} for word in WORDS]})

    kind_keys: ClassVar[Mapping[Kind, frozenset[str]]] = MappingProxyType(
        {
            "http": frozenset({"service", "port", "scheme", "path", "status"}),
            **Task.kind_keys,
            "command": Task.kind_keys["command"] | {"service", "port", "scheme"},
        }
    )

    service: ObjectName | None = Field(
        default=None,
        description="The serving service to ask, by its name above; it is asked through its Kubernetes Service. Of a "
        "command: the one that FLIPGATE_BASE_URL leads to.",
    )
    port: PortNumber | PortName = Field(default=80, description="The Service's port, as number or name.")
    scheme: Scheme = Field(
        default="http",
        description="How that port is asked. https: for pods that speak HTTPS, whatever certificate they have.",
    )
    path: HttpPath | None = Field(default=None, description="The path to ask for.")
    status: int = Field(default=200, ge=100, le=599, description="The expected HTTP status.")

    @property
    def asked(self) -> str:
        return self.service or ""

    @property
    def what(self) -> str:
        return f"{self.service}:{self.port}{self.path}" if self.path else super().what

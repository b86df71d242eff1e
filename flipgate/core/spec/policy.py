"""How patient a release is, how strict, and who may approve, as the application's file says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from flipgate.core.spec.fields import FileModel
from flipgate.core.spec.windows import MOST_WINDOWS, Window
from flipgate.core.values.text import NAME_BYTES, written_bytes
from flipgate.core.values.who import MEMBER

MOST_APPROVERS = 20
"""The question keeps them, and a record takes no more than fits; a group has room for more people."""
MOST_TICKS = 20
LONGEST_TICK = 160
LONGEST_TICK_NAME = 40
"""Characters. A form of more is ticked without being read."""


def _kept_whole(name: str) -> str:
    """The question keeps it: cut or cleaned, it might be another's."""
    if not name.isprintable() or written_bytes(name) > NAME_BYTES:
        raise ValueError(f"is no login: {NAME_BYTES} bytes at most, and all of its characters printed, are compared")
    return name


def one_line(text: str) -> str:
    """It is shown to people as one line of a form, and kept with the question."""
    if not text.isprintable() or text != text.strip() or written_bytes(text) > NAME_BYTES:
        raise ValueError(f"is one line of {NAME_BYTES} bytes at most, without space around it")
    return text


LoginName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$"), AfterValidator(_kept_whole)]


MemberId = Annotated[str, Field(max_length=31, pattern=f"^{MEMBER.pattern}$")]
SlackGroupId = Annotated[str, Field(max_length=31, pattern=r"^S[A-Z0-9]{1,30}$")]


class Approver(FileModel):
    """A person, or all of a group, as the API server or Slack knows them."""

    user: LoginName | None = Field(
        default=None, description="A user name, as `kubectl auth whoami` says it.", exclude_if=lambda name: name is None
    )
    group: LoginName | None = Field(
        default=None, description="A group, as `kubectl auth whoami` says it.", exclude_if=lambda name: name is None
    )
    slack: MemberId | None = Field(
        default=None,
        description="A member's id in Slack (profile, Copy member ID), not a name; beside `user` the same person.",
        exclude_if=lambda name: name is None,
    )
    slack_group: SlackGroupId | None = Field(
        default=None, description="A user group's id in Slack (S...).", exclude_if=lambda name: name is None
    )

    @model_validator(mode="after")
    def _names_one(self) -> Approver:
        named = [each for each in (self.user or self.slack, self.group, self.slack_group) if each is not None]
        if len(named) != 1:
            raise ValueError(
                "names one of user, group, slack and slackGroup; or user and slack, where they are one person"
            )
        return self


def _members_once(approvers: tuple[Approver, ...]) -> tuple[Approver, ...]:
    """Whose login a member's is has one answer: another line might say another."""
    members = [each.slack for each in approvers if each.slack]
    if twice := sorted({each for each in members if members.count(each) > 1}):
        raise ValueError(f"names a Slack member twice: {', '.join(twice)}")
    return approvers


class Tick(FileModel):
    """What only a person knows, and says with a yes."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        max_length=LONGEST_TICK_NAME,
        description="How it is said: flipgate approve APP --tick NAME.",
    )
    text: Annotated[str, AfterValidator(one_line)] = Field(
        min_length=1, max_length=LONGEST_TICK, description="What whoever ticks it says is so."
    )
    at: Literal["flip", "scale-down"] = Field(
        default="flip", description="Which question it is asked with: flip, or scale-down."
    )
    required: bool = Field(default=True, description="Whether a yes without it is not taken.")


class Policy(FileModel):
    """How patient, how strict, how long the way back stays open. All times in seconds."""

    ready_timeout_seconds: int = Field(
        default=600, ge=1, description="How long the dark side may take to get Ready, in seconds."
    )
    bake_seconds: int = Field(
        default=300, ge=0, description="How long the new side is watched right after the flip, in seconds."
    )
    bake_interval_seconds: float = Field(
        default=5, gt=0, description="The time between two looks during the bake, in seconds."
    )
    max_error_ratio: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="The largest share of errors (5xx, a lost route) in the bake, 0 to 1; above, traffic goes back.",
    )
    soak_seconds: int = Field(
        default=86_400, ge=0, description="How long the old side stays up as the way back, in seconds."
    )
    approval_expires_seconds: int = Field(
        default=86_400, ge=1, description="How long a question waits for a person, in seconds; expiry means no."
    )
    approvers: Annotated[tuple[Approver, ...], AfterValidator(_members_once)] = Field(
        default=(),
        max_length=MOST_APPROVERS,
        description="Who may approve, by their login at the cluster or in Slack; anybody when left out. A no is "
        "anybody's.",
        exclude_if=lambda approvers: not approvers,
    )
    two_persons: bool = Field(
        default=False,
        description="Whether who opened a release may not approve it; whoever does needs a login at the cluster.",
        exclude_if=lambda wanted: not wanted,
    )
    ticks: tuple[Tick, ...] = Field(
        default=(),
        max_length=MOST_TICKS,
        description="What only a person knows, each to be ticked with a yes; a list that changes makes a yes void.",
        exclude_if=lambda ticks: not ticks,
    )
    windows: tuple[Window, ...] = Field(
        default=(),
        max_length=MOST_WINDOWS,
        description="When users may be moved, and the way back given up; always when left out. A rollback always may.",
        exclude_if=lambda windows: not windows,
    )
    rest_replicas: int = Field(
        default=0,
        ge=0,
        description="Pods that each serving service keeps on the side at rest: 1 keeps it warm. Autoscalers there are "
        "held at that, and put back with the next release or the way back.",
    )
    workers: Literal["old-first", "new-first"] = Field(
        default="old-first",
        description="Handing workers and CronJobs over: old-first stops the old ones before the new ones start (never "
        "both); new-first starts the new ones first (never none).",
    )
    jobs_timeout_seconds: int = Field(
        default=120,
        ge=0,
        description="How long handing over waits for running Jobs of the CronJobs that it suspended, in seconds. Jobs "
        "that still run then: with old-first everybody goes back, with new-first it is said. flipgate stops no Job.",
    )
    join_builds_seconds: int = Field(
        default=0,
        ge=0,
        le=3_600,
        description="How long a build waits for others to join it in one release, in seconds; each that comes begins "
        "the time anew.",
    )
    keep_failed_seconds: int = Field(
        default=3_600, ge=0, description="How long a failed or rolled back side is kept for diagnosis, in seconds."
    )
    keep_logs: bool = Field(
        default=True,
        description="Whether the last lines of containers, the application's own words, are kept as an artifact of "
        "Prefect when a release fails to come up, with the Warnings about its pods.",
    )

    @model_validator(mode="after")
    def _ticks_named_once(self) -> Policy:
        said = [(tick.at, tick.name) for tick in self.ticks]
        if twice := sorted({f"{name} (at: {at})" for at, name in said if said.count((at, name)) > 1}):
            raise ValueError(f"has two ticks of one name: {', '.join(twice)}")
        return self

    def need_ticks_beside(self, gates: Sequence[str]) -> None:
        """Raises ValueError where a tick has the name of one of these gates, which a tick may stand in for, and where
        both are more than fit into a form."""
        ticks = {tick.name for tick in self.ticks}
        if both := [name for name in gates if name in ticks]:
            raise ValueError(f"named as a tick and as a gate with orTick: {', '.join(both)}")
        if (count := len(self.ticks) + len(gates)) > MOST_TICKS:
            raise ValueError(f"{count} ticks, those of gates with orTick among them; {MOST_TICKS} are the most")

"""Endpoints that have to answer from a side before anything of a release is brought up there: what the file says of
each, how a short Job asks it, and what its answer is worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from flipgate.core.gates.task import Task
from flipgate.core.spec.fields import AppName, FileModel, Host, ObjectName, PortNumber
from flipgate.core.spec.images import parse_image
from flipgate.core.values.errors import BadInput
from flipgate.core.values.nearest import hint
from flipgate.core.values.verdicts import Evidence, Verdict

MOST_ENDPOINTS: Final = 20
"""Of one application: they are asked one after the other."""
CANNOT: Final = "cannot ask:"
"""What the words below write where the image has nothing that could ask."""
NO_SHELL: Final = "executable file not found"
"""What a container runtime says to an image without `sh`."""
USE_IMAGE: Final = "declare `image`: one with sh, and nc or curl, that the nodes can pull; or `run`"
TCP: Final = f"""\
if command -v nc >/dev/null 2>&1; then nc -z -w "$3" "$1" "$2" </dev/null
elif command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
  timeout "$3" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2"
elif command -v python3 >/dev/null 2>&1; then
  python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))' "$@"
else echo "{CANNOT} no nc, bash or python3 in this image"; exit 127
fi || {{ echo "$1:$2 does not answer within $3 s"; exit 1; }}
echo "$1:$2 answers"
"""
"""Asks a host ($1) and port ($2) within some seconds ($3). For whatever shell an image has."""
HTTP: Final = f"""\
if command -v curl >/dev/null 2>&1; then
  said=$(curl -sS -L --max-redirs 5 -o /dev/null -m "$3" -w 'HTTP/1.1 %{{http_code}} ' "$1" 2>&1)
elif command -v wget >/dev/null 2>&1; then said=$(wget -S -O /dev/null -t 1 -T "$3" "$1" 2>&1)
else echo "{CANNOT} no curl or wget in this image"; exit 127
fi
code=$(printf '%s\\n' "$said" | sed -n 's/.*HTTP\\/[0-9.]* \\([1-5][0-9][0-9]\\).*/\\1/p' | tail -n 1)
[ -n "$code" ] || {{ printf '%s\\n' "$said" | tail -n 2; echo "$1 does not answer within $3 s"; exit 1; }}
echo "$1: status $code"
if [ -n "$2" ]; then [ "$code" = "$2" ]; else [ "$code" -lt 500 ]; fi
"""
"""Asks a URL ($1) for a status ($2; empty: any below 500) within some seconds ($3); redirects are followed."""


def _url(value: str) -> str:
    parts = urlsplit(value)
    try:
        named, _ = parts.hostname, parts.port
    except ValueError:
        named = None
    plain = all("!" <= each <= "~" for each in value)
    if parts.scheme not in ("http", "https") or not named or "@" in parts.netloc or parts.fragment or not plain:
        raise ValueError("must be http://HOST[:PORT][/PATH] or https://..., without a user: it is shown in messages")
    return value


def _image(value: str) -> str:
    try:
        parse_image(value)
    except BadInput as error:
        raise ValueError(error.fact) from None
    return value


Word = Annotated[str, Field(pattern=r"^[^\x00]*$")]


class Endpoint(FileModel):
    """What has to answer from the dark side, asked by a short Job there: a host and port by TCP, a URL by HTTP, or
    whatever `run` asks."""

    name: AppName = Field(description="What it is called in messages.")
    host: Host | None = Field(default=None, description="The host, or its address, to connect to by TCP.")
    port: PortNumber | None = Field(default=None, description="That host's port.")
    url: Annotated[str, AfterValidator(_url)] | None = Field(
        default=None, description="The URL to ask for in the place of a host and port. Redirects are followed."
    )
    status: int | None = Field(
        default=None, ge=100, le=599, description="The expected HTTP status of a URL; left out, any below 500."
    )
    run: Annotated[tuple[Word, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="The words of a command that asks by itself, in the place of both: it has to end with code 0.",
    )
    from_: ObjectName | None = Field(
        default=None,
        alias="from",
        description="The service whose pods would ask: the Job's pod has the labels, the account and the node that "
        "these have, which network policies and meshes go by. The first serving service when left out.",
    )
    image: Annotated[str, AfterValidator(_image)] | None = Field(
        default=None,
        description="The image that asks: one with sh, and nc or curl. Nothing of the service's variables, volumes or "
        "token is given to it. Left out, the release's own image of that service asks.",
    )
    within_seconds: int = Field(default=5, ge=1, le=60, description="How long the answer may take, in seconds.")
    timeout_seconds: int = Field(
        default=120,
        ge=1,
        le=3_600,
        description="How long the Job may take in all, in seconds: its pod has to be scheduled, and its image pulled.",
    )

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Endpoint:
        named = [word for word in ("host", "url", "run") if getattr(self, word) is not None]
        if len(named) != 1:
            found = " and ".join(named) or "none"
            raise ValueError(f'reach "{self.name}" needs exactly one of host (with port), url, run (it has: {found})')
        if (self.host is None) is not (self.port is None):
            raise ValueError(f'reach "{self.name}" needs both host and port')
        if self.status is not None and self.url is None:
            raise ValueError(f'reach "{self.name}" has status, which only one with url has')
        return self

    @property
    def gate(self) -> str:
        """What its row is called."""
        return f"reach {self.name}"

    @property
    def target(self) -> str:
        """What is asked, for people."""
        return self.url or (f"{self.host}:{self.port}" if self.host else " ".join(self.run or ()))

    @property
    def wanted(self) -> str:
        """What has to be so, for people."""
        if self.run:
            return f"exit code 0 within {self.timeout_seconds} s"
        status = f"status {self.status or 'below 500'}" if self.url else "answers"
        return f"{status} within {self.within_seconds} s"

    @property
    def words(self) -> tuple[str, ...]:
        """The command of the container that asks."""
        seconds = str(self.within_seconds)
        if self.run:
            return tuple(self.run)
        if self.url:
            return ("sh", "-c", HTTP, "reach", self.url, str(self.status or ""), seconds)
        return ("sh", "-c", TCP, "reach", str(self.host), str(self.port), seconds)

    def asker(self, serving: Iterable[str]) -> str:
        """The service whose pods would ask it; `serving` are those that serve, in the file's order."""
        return self.from_ or next(iter(serving), "")

    def task(self, asker: str) -> ReachTask:
        """The Job that asks it as this service's pods would."""
        given = {"name": self.name, "workload": asker, "run": self.words, "image": self.image}
        return ReachTask.model_validate({**given, "timeoutSeconds": self.timeout_seconds})


class ReachTask(Task):
    """The Job that asks one endpoint."""

    noun: ClassVar[str] = "reach"

    image: str | None = None

    @property
    def written(self) -> dict[str, Any]:
        return {**super().written, "image": self.image}


def asked_by_nobody(endpoints: Iterable[Endpoint], services: Sequence[str], serving: Sequence[str]) -> list[str]:
    """Returns a sentence for each endpoint that no declared service's pods would ask."""
    found = []
    for each in endpoints:
        if each.from_ and each.from_ not in services:
            found.append(f'reach "{each.name}" is from unknown service "{each.from_}"; {hint(each.from_, services)}')
        if each.from_ is None and not serving:
            found.append(f'reach "{each.name}" needs `from`: there is no serving service whose pods would ask')
    return found


def judged(endpoint: Endpoint, asker: str, found: Evidence) -> Evidence:
    """Returns what its Job found as a row of the preflight: unknown where nothing could ask, with what helps then."""
    no_tool = CANNOT in found.output or NO_SHELL in found.answer
    return replace(
        found,
        gate=endpoint.gate,
        verdict=Verdict.UNKNOWN if no_tool and found.verdict is Verdict.FAIL else found.verdict,
        asked=f"{endpoint.target}, from {asker}",
        threshold=endpoint.wanted,
        mend=USE_IMAGE if no_tool else found.mend,
    )

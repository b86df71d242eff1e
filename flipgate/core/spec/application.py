"""The application: everything released together, as one YAML file says it.

The models are the schema: their descriptions reach an editor through docs/application.schema.json. All durations are
seconds, and say so in their names. Keys are camelCase in the file, snake_case here.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator

from flipgate.core.gates.checks import MOST_SUITES, Check
from flipgate.core.gates.database import MOST_DATABASES, Database
from flipgate.core.gates.database_program import Program
from flipgate.core.gates.hooks import MOST_HOOKS, Hook
from flipgate.core.gates.kinds import WORDS, Gate
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.reach import MOST_ENDPOINTS, Endpoint, asked_by_nobody
from flipgate.core.gates.task import Task
from flipgate.core.spec.documents import Document, Location, read_document
from flipgate.core.spec.doubts import find_doubts
from flipgate.core.spec.fields import (
    AppName,
    FileModel,
    Namespace,
    ObjectName,
)
from flipgate.core.spec.git import GitSpec
from flipgate.core.spec.maintenance import MaintenanceSpec
from flipgate.core.spec.metrics import Metrics
from flipgate.core.spec.parity import Parity
from flipgate.core.spec.policy import Policy
from flipgate.core.spec.pre_pull import PrePull
from flipgate.core.spec.service import Service
from flipgate.core.spec.sides import Sides
from flipgate.core.spec.traffic import TrafficSpec
from flipgate.core.spec.validation import explain_errors, takes_anything, takes_numbers
from flipgate.core.traffic.kinds import KINDS, SOUGHT
from flipgate.core.values.base import NEW
from flipgate.core.values.errors import BadInput
from flipgate.core.values.nearest import hint
from flipgate.core.values.place import Place, Places
from flipgate.core.values.sides import Side

if TYPE_CHECKING:
    RouteWord = str
    StayingWord = str
else:
    RouteWord = Literal[tuple(KINDS)]
    StayingWord = Literal[tuple(SOUGHT)]


_NO_DOUBTS: Mapping[Location, str] = MappingProxyType({})
MOST_SERVICES = 100
"""Services of one application: the record names each a few times, in one object (core/record/size.py)."""
LONGEST_BYTES = 640 * 1024
"""Of a file: `apply` writes it into a ConfigMap as it is, and that takes 1 MiB."""


class Metadata(FileModel):
    """What the application is called."""

    name: AppName = Field(description="The application's name: a DNS-1123 label of at most 40 characters.")


class Route(FileModel):
    """A cluster object that sends live traffic. All routes of an application move together."""

    kind: RouteWord = Field(
        description=f"The kind of route: {', or '.join(f'{kind.about} ({kind.group})' for kind in KINDS.values())}."
    )
    namespace: Namespace = Field(description="The route's namespace.")
    name: ObjectName = Field(description="The route's name.")

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class StayingRoute(FileModel):
    """An object that leads users to a side and that no move takes along: they stay where it leads, also when that side
    goes to rest."""

    kind: StayingWord = Field(description="Its kind: what it is to Kubernetes.")
    namespace: Namespace = Field(description="Its namespace.")
    name: ObjectName = Field(description="Its name.")

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


AnyRoute = TypeVar("AnyRoute", Route, StayingRoute)
AnyNamed = TypeVar("AnyNamed", Service, Check, Hook, Database, Gate, Endpoint)


class Announce(FileModel):
    """Who is told."""

    slack_channel: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="The Slack channel for this application's messages; none when left out."
    )


def _refuse_twice(names: Iterable[str]) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(f"named more than once: {', '.join(twice)}")


def _unique_names(named: tuple[AnyNamed, ...]) -> tuple[AnyNamed, ...]:
    _refuse_twice(each.name for each in named)
    return named


def _unique_routes(routes: tuple[AnyRoute, ...]) -> tuple[AnyRoute, ...]:
    _refuse_twice(str(route) for route in routes)
    return routes


class Spec(FileModel):
    """What is released, how traffic reaches it, and what has to be true on the way."""

    sides: Sides = Field(description="The two sides, one namespace each.")
    routes: Annotated[tuple[Route, ...], AfterValidator(_unique_routes)] = Field(
        min_length=1,
        description="Every route that sends users to these services. Together they say which side is live.",
    )
    routes_that_stay: Annotated[tuple[StayingRoute, ...], AfterValidator(_unique_routes)] = Field(
        default=(),
        description="What else leads to a side and is left there: no move takes its users along.",
    )
    traffic: TrafficSpec = Field(description="How flipgate sees for itself which side answers users.")
    services: Annotated[tuple[Service, ...], AfterValidator(_unique_names)] = Field(
        min_length=1,
        description="Everything that is released together.",
        json_schema_extra={"maxItems": MOST_SERVICES},
    )
    checks: Annotated[tuple[Check, ...], AfterValidator(_unique_names)] = Field(
        default=(), description="Questions that the dark side must answer before a person is asked."
    )
    reach: Annotated[tuple[Endpoint, ...], AfterValidator(_unique_names)] = Field(
        default=(),
        max_length=MOST_ENDPOINTS,
        description="What has to answer from the dark side before anything of a release is brought up there.",
        exclude_if=lambda reach: not reach,
    )
    pre_pull: PrePull | None = Field(
        default=None,
        description="Has the nodes pull a release's new images before its pods come; `{}` will do. Left out, they pull "
        "them when the pods come.",
        exclude_if=lambda wanted: wanted is None,
    )
    databases: Annotated[tuple[Database, ...], AfterValidator(_unique_names)] = Field(
        default=(),
        max_length=MOST_DATABASES,
        description="Databases that both sides share, migrated by expand and contract.",
        exclude_if=lambda databases: not databases,
    )
    hooks: Annotated[tuple[Hook, ...], AfterValidator(_unique_names)] = Field(
        default=(),
        description="What is done at points of a release's way, once for each release.",
        json_schema_extra={"maxItems": MOST_HOOKS},
        exclude_if=lambda hooks: not hooks,
    )
    metrics: Metrics = Field(default_factory=Metrics, description="Where the gates' numbers come from.")
    gates: Annotated[tuple[Gate, ...], AfterValidator(_unique_names)] = Field(
        default=(), description="Questions asked at points of a release's way, beside flipgate's own."
    )
    parity: Parity | None = Field(
        default=None,
        description="What both sides have to agree on around their images: Secrets and ConfigMaps.",
        exclude_if=lambda parity: parity is None,
    )
    policy: Policy = Field(default_factory=Policy, description="Times and limits.")
    announce: Announce = Field(default_factory=Announce, description="Who is told.")
    git: GitSpec | None = Field(
        default=None,
        description="The team's repository, where overlays or routes are kept in Git.",
        exclude_if=lambda git: git is None,
    )

    maintenance: MaintenanceSpec | None = Field(
        default=None,
        description="A flag that says so while users are moved.",
        exclude_if=lambda flag: flag is None,
    )

    @model_validator(mode="after")
    def _ticks_and_the_flag_stand_apart(self) -> Spec:
        self.policy.need_ticks_beside([gate.name for gate in self.gates if gate.or_tick])
        if self.maintenance:
            self.maintenance.need_apart({place.namespace for place in self.sides.places.values()})
        return self

    @model_validator(mode="after")
    def _tasks_are_of_declared_services(self) -> Spec:
        roles = {service.name: service.role for service in self.services}
        tasks, databases = (*self.checks, *self.hooks, *self.programs), self.databases
        problems = [line for each in tasks for line in each.wrong_with(roles)]
        problems += [line for each in databases for line in each.wrong_with(roles)]
        if len(self.hooks) > MOST_HOOKS:
            problems.append(f"{len(self.hooks)} hooks are declared; {MOST_HOOKS} are the most")
        if (count := sum(check.runs_by_itself for check in self.checks)) > MOST_SUITES:
            problems.append(f"{count} checks run by themselves; {MOST_SUITES} are the most")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _endpoints_are_asked_by_pods(self) -> Spec:
        serving = [service.name for service in self.services if service.serves]
        if found := asked_by_nobody(self.reach, [service.name for service in self.services], serving):
            raise ValueError("; ".join(found))
        return self

    @model_validator(mode="after")
    def _no_route_moves_and_stays(self) -> Spec:
        moving = {str(route) for route in self.routes}
        if both := [str(route) for route in self.routes_that_stay if str(route) in moving]:
            raise ValueError(f"named in routes, which move, and in routesThatStay: {', '.join(both)}")
        return self

    @model_validator(mode="after")
    def _traffic_is_seen_by_the_routes(self) -> Spec:
        plain = [str(route) for route in self.routes if not KINDS[route.kind].counted]
        counted = " or ".join(kind.word for kind in KINDS.values() if kind.counted)
        self.traffic.need_named(plain, counted)
        for route in self.routes:
            if KINDS[route.kind].near:
                self.traffic.need_near(str(route), route.namespace)
        self.traffic.need_probes(self.policy.bake_interval_seconds)
        return self

    @model_validator(mode="after")
    def _gates_have_somebody_to_ask(self) -> Spec:
        for gate in sorted(self.gates, key=lambda gate: WORDS.index(gate.kind.word)):
            if lacking := gate.kind.lacks(gate, self.metrics, self.traffic):
                raise ValueError(f'gate "{gate.name}" {lacking}')
        return self

    @model_validator(mode="after")
    def _dark_gates_are_told_from_checks(self) -> Spec:
        checks = {check.name for check in self.checks}
        if both := [gate.name for gate in self.gates_at(GatePoint.DARK) if gate.name in checks]:
            raise ValueError(f"named as a check and as a gate at dark, which are kept together: {', '.join(both)}")
        return self

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All that it declares to be run: Jobs and commands, of whatever part of the file."""
        serving = [service.name for service in self.services if service.serves]
        asking = (endpoint.task(endpoint.asker(serving)) for endpoint in self.reach)
        tasks = (task for task in (*self.checks, *self.hooks, *asking) if task.runs_by_itself)
        return (*tasks, *self.programs)

    @property
    def programs(self) -> tuple[Program, ...]:
        """What migrates its databases, and says how they stand."""
        return tuple(program for database in self.databases for program in database.programs)

    def gates_at(self, point: GatePoint) -> tuple[Gate, ...]:
        """The gates that are asked at this point, in the file's order."""
        return tuple(gate for gate in self.gates if point in gate.points)


class Application(FileModel):
    """Everything released together: two sides, their services, the live routes, the checks and the policies."""

    api_version: Literal["flipgate.dev/v1"] = Field(description="The version of this format.")
    kind: Literal["Application"] = Field(description="What this document is.")
    metadata: Metadata = Field(description="What the application is called.")
    spec: Spec = Field(description="What is released and how.")

    @model_validator(mode="after")
    def _no_gate_asks_itself(self) -> Application:
        if own := [gate.name for gate in self.spec.gates if gate.kind.reads(gate) == self.name]:
            raise ValueError(
                f"gate {', '.join(own)} asks {self.name} itself, of which a release is always under way then; name "
                "another application"
            )
        return self

    @property
    def name(self) -> str:
        """The application's name."""
        return self.metadata.name

    def place_of(self, side: Side) -> Place:
        """Where this side lives."""
        return self.spec.sides.place_of(side)

    @property
    def places(self) -> Places:
        """Where both sides live."""
        return self.spec.sides.places

    def service(self, name: str) -> Service:
        """The service of this name. Raises BadInput with the nearest known name."""
        for service in self.spec.services:
            if service.name == name:
                return service
        known = [service.name for service in self.spec.services]
        raise BadInput(f'unknown service "{name}"; {hint(name, known)}', obj=f"application {self.name}")

    def database(self, name: str) -> Database:
        """The database of this name. Raises BadInput with the nearest known name."""
        known = {database.name: database for database in self.spec.databases}
        if name not in known:
            raise BadInput(f'unknown database "{name}"; {hint(name, known)}', obj=f"application {self.name}")
        return known[name]

    def cloned(self) -> tuple[Database, ...]:
        """The databases that a release comes up on a copy of."""
        return tuple(each for each in self.spec.databases if each.clone)

    def per_side(self) -> tuple[Database, ...]:
        """The databases that each side has for itself."""
        return tuple(each for each in self.spec.databases if each.per_side)

    def serving(self) -> tuple[Service, ...]:
        """The services that answer users, in the file's order."""
        return tuple(service for service in self.spec.services if service.serves)

    def workers(self) -> tuple[Service, ...]:
        """The services that run on the live side only, in the file's order."""
        return tuple(service for service in self.spec.services if service.role == "worker")

    def mixed(self) -> tuple[Service, ...]:
        """The services that serve on both sides and consume on the live one only, in the file's order."""
        return tuple(service for service in self.spec.services if service.role == "mixed")

    def handed_over(self) -> tuple[Service, ...]:
        """The services that work on the live side only, whatever they are, in the file's order."""
        return tuple(service for service in self.spec.services if service.role != "serving")


def load_application(text: str, source: str) -> Application:
    """Reads an application file; `source` is what messages call it (a path, or the object it was read from).

    Raises BadInput that lists every problem with its line and its path in the document, and for an unknown key the
    nearest known one. Values are taken as written: `replicas: "2"` is a string and refused.
    """
    return _validated(read_document(text, source), source)


def load_new_application(text: str, source: str) -> Application:
    """Reads an application file that is yet to be kept in the cluster. Raises BadInput as `load_application` does, for
    a file that is too large for that, and for what was most likely meant otherwise (core/spec/doubts.py). One that is
    there already is read whatever it holds: going back needs it."""
    if (size := len(text.encode())) > LONGEST_BYTES:
        raise _too_large(source, f"has {size} bytes; {LONGEST_BYTES} are the most that is kept in the cluster")
    document = read_document(text, source)
    application = _validated(
        document,
        source,
        context=NEW,
        doubts=find_doubts(document, *(partial(each, schema()) for each in (takes_anything, takes_numbers))),
    )
    if (count := len(application.spec.services)) > MOST_SERVICES:
        raise _too_large(source, f"spec.services has {count} entries; {MOST_SERVICES} are the most that a record holds")
    return application


def _validated(
    document: Document, source: str, *, context: str | None = None, doubts: Mapping[Location, str] = _NO_DOUBTS
) -> Application:
    wrong = None
    try:
        application = Application.model_validate_json(
            document.json_text, strict=True, by_alias=True, by_name=False, context=context
        )
        if not doubts:
            return application
    except ValidationError as error:
        wrong = error
    raise BadInput(explain_errors(wrong, document, schema(), doubts), obj=source, untouched="the cluster") from None


def _too_large(source: str, fact: str) -> BadInput:
    return BadInput(fact, obj=source, untouched="the cluster")


@cache
def schema() -> dict[str, Any]:
    """The application file's JSON Schema, made once: it takes longer than reading a file. Not to be changed."""
    return Application.model_json_schema(by_alias=True)


def application_hash(app: Application) -> str:
    """SHA-256 (64 hex digits) of what the file means: defaults filled in; order, comments and layout do not count."""
    meaning = app.model_dump(mode="json", by_alias=True)
    canonical = json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()

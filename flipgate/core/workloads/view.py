"""What one look saw: both sides' workloads, the record and the routes, as plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from flipgate.core.record.record import Record
from flipgate.core.spec.service import Kind
from flipgate.core.traffic.traffic import DarkSide, Traffic
from flipgate.core.values import stamps
from flipgate.core.values.appliers import Applier, applier_of
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.managed_fields import Writer
from flipgate.core.values.place import Place
from flipgate.core.values.sides import Side
from flipgate.core.workloads.kinds import KINDS, Stateful

ASKED_AGAIN = "flipgate.dev/asked-again"
"""An annotation on a Deployment. Its value is for nobody: a change has the controllers ask for its pods again."""
SET_AT = "flipgate.dev/set-at."
"""And the key that was set: annotation on a ConfigMap whose key flipgate sets, in RFC 3339."""

AGAIN = "flipgate.dev/again"
"""Annotation on a pod template whose reference was released again, for it had other content: its mark, which has the
pods made anew."""
DATABASES: Final = "flipgate.dev/databases"
"""Annotation on a pod template: the databases that its pods were started for, by name, where a release may come up on a
copy. Another one has the pods made anew."""


@dataclass(frozen=True)
class Stamped:
    """One object of a side as it was read. Its stamp (values/stamps.py) is each write's fence; None without one."""

    name: str
    namespace: str
    kind: Kind = "Deployment"
    found: bool = False
    stamp: str | None = None
    has_labels: bool = False
    resource_version: str = ""
    uid: str = ""
    applied_by: Applier | None = field(default=None, compare=False)
    """Who keeps it as a source of theirs has it, as far as it says."""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    def need_ours(self, epoch: int) -> None:
        """Raises LostLease when a later epoch than this one stamped it, or a rollback that could not be recorded: that
        actor has chosen this side."""
        stamps.need_ours(self.stamp, epoch, str(self), f"this {self.kind} and what comes after it")

    def fenced(self, epoch: int, stamp: str, *changes: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Returns one JSON patch that makes these changes and writes a new stamp, for an actor of this epoch.

        It is refused once anybody of ours has written the object since it was read, and so it is taken at most once,
        however late it arrives. Raises LostLease like `need_ours`.
        """
        self.need_ours(epoch)
        version = {"op": "test", "path": "/metadata/resourceVersion", "value": self.resource_version}
        bare = [version] if self.stamp is None else []  # anybody at all may have written it since, for all we know
        return [*bare, *self.tests(), *self.stamping(stamp), *map(dict, changes)]

    def tests(self) -> list[dict[str, Any]]:
        """Returns the tests that it is still this very object, with the stamp that was read. Status updates change
        neither."""
        return [{"op": "test", "path": "/metadata/uid", "value": self.uid}, *self._same_stamp()]

    def _same_stamp(self) -> list[dict[str, Any]]:
        # A test for null passes where nothing stands there, and is refused where the parent is missing.
        if not self.has_labels:
            return [{"op": "test", "path": "/metadata/labels", "value": None}]
        return [{"op": "test", "path": stamps.LABEL_POINTER, "value": self.stamp}]

    def by_hand(self, *changes: Mapping[str, Any]) -> str:
        """Returns the kubectl command that makes these changes without flipgate. It is refused once flipgate has
        written the object again: an old message stops nothing on a side that users are on by then."""
        operations = json.dumps([*self._same_stamp(), *changes], separators=(",", ":"))
        return f"kubectl -n {self.namespace} patch {self.kind.lower()} {self.name} --type=json -p='{operations}'"

    def stamping(self, stamp: str) -> list[dict[str, Any]]:
        """Returns the operations that write a stamp on it."""
        if not self.has_labels:
            return [{"op": "add", "path": "/metadata/labels", "value": {stamps.STAMP: stamp}}]
        return [{"op": "add", "path": stamps.LABEL_POINTER, "value": stamp}]


@dataclass(frozen=True)
class Switch(Stamped):
    """A key of a ConfigMap by which pods of one side know what to do: to consume, or which database is theirs."""

    key: str = ""
    value: str | None = None
    """As it stands there; None where the key does not exist."""
    set_at: str = ""
    """When flipgate set it, in RFC 3339; empty where that is not known."""

    def says(self, work: bool) -> bool:
        """Whether it says exactly this."""
        return self.found and self.value == str(work).lower()

    @property
    def stop_by_hand(self) -> str:
        """The command that tells its pods not to consume."""
        return self.by_hand({"op": "add", "path": f"/data/{self.key}", "value": "false"})

    def saying(self, value: str, at: str) -> dict[str, Any]:
        """Returns the merge patch that sets it; refused once anything in the ConfigMap has changed, its stamp too."""
        meta = {"resourceVersion": self.resource_version, "annotations": {f"{SET_AT}{self.key}": at}}
        return {"metadata": meta, "data": {self.key: value}}


@dataclass(frozen=True)
class Workload(Stamped):
    """One Deployment, StatefulSet or CronJob of a side as it was read."""

    replicas: int = 0
    """Pods that are asked for."""
    pods: int = 0
    """Pods that exist."""
    updated: int = 0
    """Of these, the pods of its newest template."""
    ready: int = 0
    """Pods that are Ready; none of a CronJob, whose pods are its Jobs'."""
    up_to_date: bool = False
    selector: str = ""
    """Selects its pods."""
    images: Mapping[str, str] = field(default_factory=dict)
    """By container name; not those of init containers."""
    main: str = ""
    """The container that the declared repository tells to be the service's; empty where it tells none."""
    template: Mapping[str, Any] = field(default_factory=dict)
    suspended: bool = False
    paused: bool = False
    """Of a Deployment: nothing of its pod template is rolled out until somebody resumes it."""
    refusal: str = ""
    """What the API server says to the pods, or the ReplicaSet, of a Deployment that it refuses; empty where it takes
    them."""
    stateful: Stateful | None = None
    """Of a StatefulSet: what others do not have."""
    refused_before: bool = False
    """Whether that was said before flipgate wrote the workload last. A ReplicaSet's controller tries again within 1,000
    s, and neither takes such a sentence away nor renews it before (kubernetes/pkg/controller/replicaset)."""
    has_annotations: bool = False
    schedule: Mapping[str, Any] = field(default_factory=dict)
    """All that a CronJob says beside its pod template and `suspended`."""
    last_schedule: str = ""
    """When a CronJob started a Job last, in RFC 3339; empty where it never did."""
    scaled_by: Writer | None = None
    """Who set `replicas`, or a CronJob's `suspend`, last, as far as the API server says."""
    images_by: Mapping[str, Writer] = field(default_factory=dict)
    """Who set each image last, by container name, as far as the API server says."""

    @property
    def template_pointer(self) -> str:
        """The JSON pointer to its pod template."""
        return KINDS[self.kind].template_pointer

    @property
    def again(self) -> str:
        """The mark under which its reference was released again; empty where it never was."""
        return self._noted(AGAIN)

    @property
    def databases(self) -> str:
        """The databases that its pods were started for; empty where that was never said."""
        return self._noted(DATABASES)

    def _noted(self, annotation: str) -> str:
        annotations = (self.template.get("metadata") or {}).get("annotations") or {}
        return str(annotations.get(annotation, ""))

    @property
    def up(self) -> bool:
        """Whether it is asked to run at all: for pods, or to start Jobs."""
        return self.found and (not self.suspended if self.kind == "CronJob" else self.replicas > 0)

    def asking(self, count: int) -> dict[str, Any]:
        """Returns the operation that asks for so many pods; a CronJob is suspended for none, and else resumed."""
        if self.kind == "CronJob":
            return {"op": "add", "path": "/spec/suspend", "value": not count}
        return {"op": "add", "path": "/spec/replicas", "value": count}

    def asking_again(self) -> dict[str, Any]:
        """Returns the operation that has its controllers ask for its pods at once: the Deployment's copies annotations
        to the ReplicaSet, whose own looks at whatever has changed (kubernetes/pkg/controller/deployment: sync.go)."""
        if not self.has_annotations:
            return {"op": "add", "path": "/metadata/annotations", "value": {ASKED_AGAIN: self.resource_version}}
        return {
            "op": "add",
            "path": f"/metadata/annotations/{ASKED_AGAIN.replace('/', '~1')}",
            "value": self.resource_version,
        }

    @property
    def rolled_out(self) -> bool:
        """Whether every wanted pod exists, of the newest template and Ready, and no old one is left."""
        return self.found and self.up_to_date and self.ready >= self.replicas

    @property
    def named(self) -> str:
        """What kubectl calls it: `deployment/web`."""
        return f"{self.kind.lower()}/{self.name}"

    def container_of(self, container: str | None) -> str:
        """The named container, or that of the declared repository, or the first; empty where there is none."""
        return container or self.main or next(iter(self.images), "")

    def set_image(self, container: str | None, image: str) -> str:
        """The kubectl command that sets the image of that container."""
        return f"kubectl -n {self.namespace} set image {self.named} {self.container_of(container)}={image}"

    def image_of(self, container: str | None) -> str | None:
        """The image of that container; None where there is no such one."""
        return self.images.get(self.container_of(container))


@dataclass(frozen=True)
class SideState:
    """The declared services of one side as they were read."""

    place: Place
    workloads: Mapping[str, Workload]
    switches: Mapping[str, Switch] = field(default_factory=dict)
    """Those of the mixed services, by service."""
    pointers: Mapping[str, Switch] = field(default_factory=dict)
    """By which pods know which database is theirs, by what the file calls it."""

    @property
    def side(self) -> Side:
        return self.place.side

    @property
    def namespace(self) -> str:
        return self.place.namespace

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(sorted(name for name, workload in self.workloads.items() if not workload.found))

    @property
    def lacks(self) -> str:
        """Returns what does not exist, for people: `the Deployments a, b and the CronJobs c`."""
        by_kind: dict[str, list[str]] = {}
        for name in self.missing:
            by_kind.setdefault(f"the {self.workloads[name].kind}s", []).append(name)
        return " and ".join(f"{kind} {', '.join(names)}" for kind, names in sorted(by_kind.items(), reverse=True))

    @property
    def resources(self) -> str:
        """The kinds to ask kubectl for, to show its workloads."""
        kinds = {workload.kind for workload in self.workloads.values()} | {"Deployment"}
        return ",".join(f"{kind.lower()}s" for kind in sorted(kinds, reverse=True))

    @property
    def up(self) -> bool:
        """Whether anything on it is asked to run."""
        return any(workload.up for workload in self.workloads.values())

    @property
    def stamped(self) -> tuple[Stamped, ...]:
        """All its objects that exist and bear a stamp."""
        return tuple(each for each in (*self.workloads.values(), *self.told_by) if each.found)

    @property
    def told_by(self) -> tuple[Switch, ...]:
        """The keys of ConfigMaps that flipgate sets here."""
        return (*self.switches.values(), *self.pointers.values())

    @property
    def pointed(self) -> dict[str, str]:
        """By database the name of the one that pods are told to work on."""
        return {name: each.value for name, each in self.pointers.items() if each.value is not None}

    def set_in(self, config_map: str) -> frozenset[str]:
        """The keys of this ConfigMap that flipgate sets: they are no part of what is released."""
        return frozenset(each.key for each in self.told_by if each.name == config_map)

    @property
    def replicas(self) -> dict[str, int]:
        return {name: workload.replicas for name, workload in sorted(self.workloads.items())}

    @property
    def ready(self) -> dict[str, int]:
        return {name: workload.ready for name, workload in sorted(self.workloads.items())}


@dataclass(frozen=True)
class View:
    """Traffic, sides and record at one moment. `dark` is None whenever no side may be touched."""

    sides: Mapping[Side, SideState]
    record: Record | None
    traffic: Traffic
    dark: DarkSide | None

    @property
    def active(self) -> Side | None:
        return self.traffic.active


def read_workload(
    name: str, namespace: str, obj: Mapping[str, Any] | None, kind: Kind = "Deployment", repository: str | None = None
) -> Workload:
    """Reads an object of this kind, whose service's images are declared to be of this repository."""
    if obj is None:
        return Workload(name, namespace, kind)
    more = KINDS[kind].read(obj)
    main = main_of(more["images"], repository)
    return Workload(name, namespace, kind, **read_meta(obj["metadata"]), **more, main=main)


def main_of(images: Mapping[str, str], repository: str | None) -> str:
    """Returns the first container, by these images, whose image is of the repository; empty where there is none."""
    return next((name for name, image in images.items() if repository_of(image) == repository), "")


def repository_of(image: str) -> str:
    """Returns an image reference without tag and digest, whether or not it has any."""
    before, slash, last = image.partition("@")[0].rpartition("/")
    return f"{before}{slash}{last.partition(':')[0]}"


def read_switch(config_map: str, key: str, namespace: str, obj: Mapping[str, Any] | None) -> Switch:
    """Reads what a key of a ConfigMap says."""
    if obj is None:
        return Switch(config_map, namespace, "ConfigMap", key=key)
    annotations = obj["metadata"].get("annotations") or {}
    return Switch(
        config_map,
        namespace,
        "ConfigMap",
        **read_meta(obj["metadata"]),
        key=key,
        value=(obj.get("data") or {}).get(key),
        set_at=annotations.get(f"{SET_AT}{key}", ""),
    )


def read_stamped(obj: Mapping[str, Any], kind: Kind) -> Stamped:
    """Reads what every write of ours on an object tests."""
    meta = obj["metadata"]
    return Stamped(meta["name"], meta["namespace"], kind, **read_meta(meta))


def read_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Reads the fields of a Stamped from an object's metadata."""
    return {
        "found": True,
        "stamp": (meta.get("labels") or {}).get(stamps.STAMP),
        "has_labels": meta.get("labels") is not None,
        "resource_version": meta.get("resourceVersion", ""),
        "uid": meta.get("uid", ""),
        "applied_by": applier_of(meta),
    }


ENDED_PHASES = ("Failed", "Succeeded")
"""Of a pod that runs no more."""
READY = "Ready"
"""The condition by which a pod says that it serves."""


def pod_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is Ready by its own condition."""
    return condition_of(pod, READY).get("status") == "True"


def condition_of(obj: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Returns an object's condition of this type; an empty one where it has none."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each.get("type") == kind), {})

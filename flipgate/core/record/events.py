"""What `kubectl describe` and `kubectl get events` show of a release: an Event for each announcement and object."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from flipgate.core.record.announcement import Announcement
from flipgate.core.record.conditions import DRIFTED, LIVE_SIDE_FOUND, LIVE_SIDE_SHORT
from flipgate.core.record.phases import Reason
from flipgate.core.record.stopped import DEPLOY_STOPPED, FLIP_STOPPED, SCALE_DOWN_STOPPED
from flipgate.core.spec.application import Application
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.outward import one_line
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import cut_bytes

COMPONENT = "flipgate"
LONGEST_MESSAGE = 1024
"""In bytes, the API's limit for a note."""
LONGEST_NAME = 253
KEPT = timedelta(hours=1)
"""How long an API server keeps Events, unless told otherwise (--event-ttl). Older news is no Event any more."""

WARNINGS: frozenset[str] = frozenset(
    {
        Reason.CHECKS_FAILED,
        Reason.HOOK_FAILED,
        Reason.NOT_READY_IN_TIME,
        Reason.DEPLOYMENT_PAUSED,
        Reason.PODS_HELD_BACK,
        Reason.PODS_REFUSED,
        Reason.PREFLIGHT_FAILED,
        Reason.CLAIM_NOT_BOUND,
        Reason.SCALED_BY_ANOTHER,
        Reason.OVERLAY_NOT_SET,
        Reason.PUSH_REFUSED,
        Reason.NOT_APPLIED,
        Reason.DATABASE_DIRTY,
        Reason.MIGRATION_FAILED,
        Reason.CLONE_FAILED,
        Reason.DEPLOY_ABORTED,
        Reason.REJECTED,
        Reason.APPROVAL_EXPIRED,
        Reason.TRAFFIC_NOT_PROVEN,
        Reason.MOVE_UNDONE,
        Reason.BAKE_FAILED,
        Reason.ROLLBACK_REQUESTED,
        Reason.TRAFFIC_RESTORED,
        Why.BREAK_GLASS,
        Why.FROZEN,
        Why.GATES_NOT_PASSED,
        Why.MAINTENANCE_LEFT_ON,
        LIVE_SIDE_SHORT,
        DEPLOY_STOPPED,
        FLIP_STOPPED,
        SCALE_DOWN_STOPPED,
        DRIFTED,
        Why.WORKS_TWICE,
    }
)
"""The reasons of announcements whose Events are of type Warning: a release came to an end, stopped or went back, routes
are where nobody of ours sent them, users are on a side that is short, or work may be done twice."""

OF_WORKLOADS: frozenset[str] = frozenset({*Reason, LIVE_SIDE_SHORT, LIVE_SIDE_FOUND})
"""The reasons of announcements that say something of a side's workloads: changes of phase, the live side's state."""

MOST_TOLD: Final = 20
"""Services whose workloads get Events; where there are more, the routes alone do."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class InvolvedObject:
    """One object that Events are written on: a core/v1 Event's `involvedObject`."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def worth_an_event(message: Announcement, now: datetime) -> bool:
    """Whether an Event is still to be written: none is yet, it is not too late, and the message has a reason (older
    versions of flipgate gave none)."""
    return not message.noted and bool(message.reason) and now - message.at < KEPT


def involved_objects(application: Application, message: Announcement) -> tuple[InvolvedObject, ...]:
    """Returns the objects that an announcement is about: the routes, and for a change of phase the workloads of the
    release's side (for the live side's state: those of that side).

    A question is about where users go: it says nothing of a workload. Of many services none has an Event of its own:
    each change of phase would be a request for each of them.
    """
    routes = tuple(InvolvedObject(route.kind, route.namespace, route.name) for route in application.spec.routes)
    services = application.spec.services
    if message.reason not in OF_WORKLOADS or len(services) > MOST_TOLD:
        return routes
    place = application.place_of(message.side)
    return (
        *routes,
        *(InvolvedObject(service.kind, place.namespace, place.workload_of(service)) for service in services),
    )


def event(
    application: str, message: Announcement, involved: InvolvedObject, api_version: str, uid: str
) -> dict[str, Any]:
    """Makes one core/v1 Event. `uid` is the object's: `kubectl describe` shows no Event that has another, or none."""
    at = f"{message.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": event_name(message, involved),
            "namespace": involved.namespace,
            "labels": {"app.kubernetes.io/managed-by": COMPONENT, "flipgate.dev/application": application},
        },
        "involvedObject": {
            "apiVersion": api_version,
            "kind": involved.kind,
            "namespace": involved.namespace,
            "name": involved.name,
            "uid": uid,
        },
        "reason": message.reason,
        "message": cut_bytes(one_line(f"{message.text} {message.url}"), LONGEST_MESSAGE),
        "type": "Warning" if message.reason in WARNINGS else "Normal",
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }


def event_name(message: Announcement, involved: InvolvedObject) -> str:
    """Returns the Event's name: the same for the same announcement and object, so that one written twice is one.

    The time stands in it, as in the names that Kubernetes' own components give: an Event's timestamps are whole
    seconds, and within one kubectl shows Events in the order of their names.
    """
    number = uuid5(NAMESPACE_URL, f"{message.id}/{involved}").hex[:12]
    end = f".{(message.at - _EPOCH) // _MICROSECOND:x}.{number}"
    return involved.name[: LONGEST_NAME - len(end)].rstrip(".-") + end

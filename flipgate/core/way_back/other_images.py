"""Which services of a side run other images than the record has of it: of the live side those of its release, of one
that users have left those that it carried them with."""

from __future__ import annotations

from flipgate.core.record.record import Record
from flipgate.core.spec.application import Application
from flipgate.core.spec.service import Service
from flipgate.core.values.managed_fields import Writer, set_by
from flipgate.core.workloads.view import SideState, Workload


def other_images(
    record: Record, application: Application, state: SideState
) -> tuple[tuple[Service, Workload, str], ...]:
    """Returns these services with the image that the record has of them."""
    occupant = record.sides.get(state.side)
    has = occupant.images if occupant else {}
    return tuple(
        (service, workload, has[service.name])
        for service in application.spec.services
        if (workload := state.workloads[service.name]).found and service.name in has
        if workload.image_of(service.container) not in (None, has[service.name])
    )


def said_of(record: Record, application: Application, state: SideState) -> str:
    """Returns them as a sentence about a side that users are sent back to; empty where it is as users left it."""
    found = [was_and_is(*each) for each in other_images(record, application, state)]
    return f"{state.side} runs other images than when users were on it: {'; '.join(found)}" if found else ""


def was_and_is(service: Service, workload: Workload, was: str) -> str:
    """Returns one of them as text: before, now, and who set it."""
    is_now = workload.image_of(service.container)
    return f"{workload.name} {was} -> {is_now}{set_by(image_writer(service, workload), 'set')}"


def image_writer(service: Service, workload: Workload) -> Writer | None:
    """Returns who set the service's image last, as far as the API server says."""
    return workload.images_by.get(workload.container_of(service.container))

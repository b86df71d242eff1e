"""Services that a side ran and that the file names no longer: a release takes them out. What becomes of them.

What works on the live side only stops there with the hand-over, and works again on the way back. What only serves is
named and left as it is: nobody hands it over, and users who go back find it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flipgate.core.record.occupant import Occupant, Ran
from flipgate.core.record.record import Record
from flipgate.core.spec.application import Application
from flipgate.core.spec.service import OF_ROLES, Service
from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import SideState


def roles_of(application: Application) -> dict[str, Ran]:
    """Returns what each declared service is, to be remembered of a side that runs it."""
    return {service.name: _ran(service) for service in application.spec.services}


def ran_on(application: Application, record: Record, side: Side) -> tuple[Service, ...]:
    """Returns what ran on the side and is declared no longer, as far as somebody noted what it is, by name."""
    occupant = record.sides.get(side)
    gone = _no_longer_declared(application, occupant)
    return tuple(_service(name, occupant.roles[name]) for name in gone if name in occupant.roles) if occupant else ()


def unknown_on(application: Application, record: Record, side: Side) -> tuple[str, ...]:
    """Returns what ran on the side and is declared no longer, and of which nobody noted what it is."""
    occupant = record.sides.get(side)
    return tuple(name for name in _no_longer_declared(application, occupant) if occupant and name not in occupant.roles)


def workers(application: Application, record: Record) -> tuple[Service, ...]:
    """Returns what either side ran that works on the live side only, and is declared no longer: what is handed over
    beside the declared ones."""
    found = {service.name: service for side in Side for service in ran_on(application, record, side)}
    return tuple(service for _, service in sorted(found.items()) if service.role != "serving")


def to_restore(application: Application, record: Record, side: Side) -> dict[str, int]:
    """Returns what of it works again when users go back to the side, with as many pods as it had (1: a CronJob)."""
    occupant = record.sides.get(side)
    had = occupant.replicas if occupant else {}
    return {s.name: had[s.name] for s in ran_on(application, record, side) if s.role != "serving" and had.get(s.name)}


def counts_of(state: SideState) -> dict[str, int]:
    """Returns how many pods each asks for; of a CronJob 1 unless it is suspended, of a mixed one that does not consume
    none."""
    idle = {name for name, switch in state.switches.items() if not switch.says(True)}
    return {name: 0 if name in idle else w.replicas or int(w.up) for name, w in sorted(state.workloads.items())}


def lines(application: Application, record: Record, state: SideState) -> Iterator[str]:
    """Yields what the question about a flip says of it, one line each; `state` is the side that users would leave, with
    what was taken out. Nothing of what does not run there."""
    side = state.side
    for service in (each for each in ran_on(application, record, side) if each.name in state.workloads):
        workload, switch = state.workloads[service.name], state.switches.get(service.name)
        gone = f"{service.name}: no longer in the file"
        if service.role == "serving" and workload.up:
            yield f"{gone}. Users of {side.other} have none; on {side} its pods stay, and flipgate stops none"
        elif switch is not None and switch.says(True):
            stops = f"It stops consuming on {side} with the hand-over, and begins again on the way back"
            yield f"{gone}. {stops}; its pods stay"
        elif switch is None and workload.up:
            yield f"{gone}. It stops on {side} with the hand-over, and starts there again on the way back"
    for name in unknown_on(application, record, side):
        unknown = "no longer in the file, and nobody noted whether it works on the live side only"
        see = f"kubectl -n {state.namespace} get deployments,cronjobs"
        yield f"{name}: {unknown}. It stays as it is on {side}; stop it by hand if it does: {see}"


def _ran(service: Service) -> Ran:
    kind = "" if service.kind in OF_ROLES else service.kind
    if service.consume:
        return Ran(role=service.role, kind=kind, config_map=service.consume.config_map, key=service.consume.key)
    return Ran(role=service.role, kind=kind)


def _no_longer_declared(application: Application, occupant: Occupant | None) -> list[str]:
    declared = {service.name for service in application.spec.services}
    return sorted(occupant.images.keys() - declared) if occupant else []


def _service(name: str, ran: Ran) -> Service:
    """The service as the file declared it once, as far as handing it over needs to know."""
    declared: dict[str, Any] = {"name": name, "role": ran.role}
    if ran.role != "cron":
        declared["replicas"] = 0
    if ran.kind:
        declared["kind"] = ran.kind
    if ran.role == "mixed":
        declared["consume"] = {"configMap": ran.config_map, "key": ran.key, "settleSeconds": 0}
    return Service.model_validate(declared)

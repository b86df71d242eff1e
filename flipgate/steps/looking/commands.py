"""Runs a task that is a program of the operator's, with local addresses of the side's Services."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from flipgate.adapters import programs
from flipgate.adapters.addresses import address
from flipgate.adapters.forwarder import Behind, forwarding
from flipgate.core.gates.command_check import Ended, NotStarted, judge_command, told
from flipgate.core.gates.task import AskingTask, Task
from flipgate.core.rights.rules import SENDING, proxies
from flipgate.core.spec.program import FOLDER_VARIABLE
from flipgate.core.traffic.traffic import SERVICE
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.place import Place
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.world import World


def run_command(
    world: World,
    side: Side,
    release: str,
    task: Task,
    may_go_on: Callable[[], None],
    told: Mapping[str, str] = MappingProxyType({}),
) -> Evidence:
    """Runs one command about a side. Whatever keeps it from being run is a verdict; `may_go_on` is asked
    while it runs, and what that raises ends the program and is raised. `told`: variables beside the usual."""
    place, began = world.application.place_of(side), world.monotonic()
    command = task.command or ()
    program = programs.find_program(command, os.environ)
    notes: list[str] = []
    found: Ended | NotStarted
    if isinstance(program, NotStarted):
        found = program
    else:
        with forwarding(world.cluster, _behind(world, place, task)) as forwarded:
            about = {"SIDE": str(side), "NAMESPACE": place.namespace, "RELEASE": release, **told}
            found = run_alone(
                command, about, forwarded.urls, task.asked, timeout=task.timeout_seconds, may_go_on=may_go_on
            )
        notes = list(forwarded.notes)
    verdict, fact = judge_command(found, task.timeout_seconds)
    evidence = Evidence(task.name, verdict, task.what, str(place), "; ".join([fact, *notes]), task.wanted)
    text = "" if isinstance(found, NotStarted) else found.output.text
    return replace(evidence, output=text, seconds=round(world.monotonic() - began, 3))


def run_alone(
    command: Sequence[str],
    about: Mapping[str, str],
    urls: Mapping[str, str] = MappingProxyType({}),
    asked: str = "",
    *,
    timeout: float,
    may_go_on: Callable[[], None] = lambda: None,
) -> Ended | NotStarted:
    """Runs a program of the operator's in a folder of its own, told what it is `about` (FLIPGATE_*) and the addresses
    of Services."""
    program = programs.find_program(command, os.environ)
    if isinstance(program, NotStarted):
        return program
    with tempfile.TemporaryDirectory(prefix="flipgate-task-", ignore_cleanup_errors=True) as folder:
        environment, home = told(os.environ, folder, urls, asked, about), Path(os.environ[FOLDER_VARIABLE])
        return programs.run(program, command[1:], environment, home, timeout=timeout, may_go_on=may_go_on)


@about_application(untouched="both sides")
def need_commands(world: World) -> None:
    """Raises Refused (CommandsNotAllowed) where the file has commands that this worker would not run: before a
    release is opened that would then fail."""
    if problems := list(command_problems(world)):
        raise Refused("; ".join(problems), reason=Why.COMMANDS_NOT_ALLOWED)


def command_problems(world: World) -> Iterator[str]:
    """Each command, of tasks and gates, whose program this very environment would not run. For a gate with `orTick` a
    person may answer."""
    spec = world.application.spec
    tasks = [(f"{task.noun} {task.name}", task.command or ()) for task in spec.tasks]
    gates = [(f"gate {gate.name}", gate.kind.program(gate)) for gate in spec.gates if not gate.or_tick]
    for what, command in (*tasks, *gates):
        if command and isinstance(found := programs.find_program(command, os.environ), NotStarted):
            yield f"{what} cannot be run: {found.fact}"


def unread_applications(world: World) -> Iterator[str]:
    """Each gate that asks another application's record, where there is none that can be read."""
    for gate in world.application.spec.gates:
        if other := gate.kind.reads(gate):
            try:
                world.store.of(other).read()
            except FlipgateError as error:
                yield f"gate {gate.name}: application {other}: {error.fact}"


def commands_here(world: World) -> Iterator[str]:
    """What `check` finds of commands. Without the folder's name nothing can be known here: that is said, for the
    worker's environment is another."""
    tasks = [task for task in world.application.spec.tasks if task.command]
    gates = [gate for gate in world.application.spec.gates if gate.kind.program(gate)]
    named = [*(task.name for task in tasks), *(gate.name for gate in gates)]
    request = world.application.spec.git.request if world.application.spec.git else None
    if request and FOLDER_VARIABLE in os.environ:
        found = programs.find_program(request.command, os.environ)
        yield from [f"spec.git.request cannot be run: {found.fact}"] if isinstance(found, NotStarted) else []
    if named and FOLDER_VARIABLE in os.environ:
        yield from command_problems(world)
    elif named:
        world.say(
            f"{FOLDER_VARIABLE} is not set here, so nobody looked whether the programs of "
            f"{', '.join(named)} are there; a worker without it refuses each release"
        )
    for side in Side if tasks else ():
        place = world.application.place_of(side)
        namespace, names = place.namespace, proxies(world.application, place)[1] or [""]
        lacking = [verb for verb in SENDING if not _may(world, verb, namespace, names)]
        if lacking:
            asked = f"kubectl auth can-i {lacking[0]} services --subresource=proxy -n {namespace}"
            right = f"no permission to {', '.join(lacking)} services/proxy in namespace {namespace} ({asked})"
            world.say(f"{right}: such requests of commands do not get through; GET does")


def _may(world: World, verb: str, namespace: str, names: list[str]) -> bool:
    may = partial(world.cluster.allowed, verb, "", "services/proxy", namespace)
    return may() or all(map(may, names))


def _behind(world: World, place: Place, task: Task) -> dict[str, Behind]:
    """The Service of each serving service. Its port and scheme are those that this task names, or else those that
    the first check asks by; without one, port 80 or the first that it has. One that is not there has no address."""
    found: dict[str, Behind] = {}
    own = [task] if isinstance(task, AskingTask) and "port" in task.model_fields_set else []
    asking = (*own, *world.application.spec.checks)
    for service in world.application.serving():
        name = place.service_of(service)
        asked = next((each for each in asking if each.service == service.name), None)
        if asked:
            found[service.name] = Behind(place.namespace, name, asked.port, asked.scheme)
        elif port := _first_port(world, place.namespace, name):
            found[service.name] = Behind(place.namespace, name, port)
    return found


def _first_port(world: World, namespace: str, name: str) -> int:
    """0 where nothing can be asked there."""
    try:
        obj = world.cluster.find(address(SERVICE, namespace, name)) or {}
    except FlipgateError as error:
        world.say(f"Service {namespace}/{name} could not be read, so commands have no address of it: {error}")
        return 0
    ports = [int(each["port"]) for each in (obj.get("spec") or {}).get("ports") or []]
    return 80 if 80 in ports else next(iter(ports), 0)

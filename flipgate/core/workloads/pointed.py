"""Which database the pods of a side are started for, where a release may come up on a copy of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flipgate.core.record.clones import CloneMade
from flipgate.core.spec.application import Application
from flipgate.core.workloads.containers import Marks
from flipgate.core.workloads.view import SideState, Workload


def databases_for(application: Application, clones: Iterable[CloneMade]) -> dict[str, str]:
    """Returns by database the name of the one to work on: its copy, where there is one, else the live one."""
    copies = {each.database: each.name for each in clones}
    return {each.name: copies.get(each.name, each.clone.live) for each in application.cloned() if each.clone}


def mark_for(application: Application, workload: Workload, wanted: Mapping[str, str]) -> str:
    """Returns what a workload's pods are to be marked with so that they are started for these databases; empty where
    none of them is theirs, or they were never started for another than the live one."""
    theirs = [each for each in application.cloned() if each.clone and _reads(each.clone.services, workload.name)]
    mark = ",".join(f"{each.name}={wanted[each.name]}" for each in theirs if each.name in wanted)
    live = ",".join(f"{each.name}={each.clone.live}" for each in theirs if each.clone)
    return "" if mark == live and not workload.databases else mark


def marks_for(
    application: Application, workload: Workload, again: Mapping[str, str], pointed: Mapping[str, str]
) -> Marks:
    """Returns what a workload's pods are to be marked with, on a side that is `pointed` so: by the marks of what is
    released `again`, by service."""
    return Marks(again.get(workload.name, ""), mark_for(application, workload, pointed))


def not_told_of_live(application: Application, side: SideState) -> list[str]:
    """Says which key of this side names another database than the one that the file calls live."""
    live = databases_for(application, ())
    return [
        f"{switch} says {switch.value if switch.found else 'nothing'}, and not {live[name]}"
        for name, switch in side.pointers.items()
        if name in live and switch.value != live[name]
    ]


def not_on_live(application: Application, side: SideState) -> str:
    """Says what of this side would work on another database than the live one; empty where nothing would."""
    live, wrong = databases_for(application, ()), not_told_of_live(application, side)
    for workload in side.workloads.values():
        wanted = mark_for(application, workload, live)
        if wanted and wanted != workload.databases:
            wrong.append(f"pods of {workload} were started for {workload.databases}")
        elif wanted and workload.up and not workload.rolled_out:
            wrong.append(f"{workload} still has pods that were started before that")
    return "; ".join(wrong)


def _reads(services: tuple[str, ...], name: str) -> bool:
    return not services or name in services

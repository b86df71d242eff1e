"""What a release gives a new pod template, and what of that would stand still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flipgate.core.spec.application import Application
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.containers import rolls
from flipgate.core.workloads.pointed import marks_for
from flipgate.core.workloads.standstill import Standstill, held_back, paused
from flipgate.core.workloads.view import SideState, Workload


def rolling(
    application: Application, side: SideState, images: Mapping[str, str], again: Mapping[str, str]
) -> dict[str, Workload]:
    """Returns each workload of the side whose pods are made anew by these images and marks, by its service."""

    def anew(name: str, workload: Workload) -> bool:
        marks = marks_for(application, workload, again, side.pointed)
        return rolls(workload, application.service(name), images[name], marks)

    return {name: each for name, each in side.workloads.items() if anew(name, each)}


def standing(rolled: Mapping[str, Workload]) -> tuple[Standstill, ...]:
    """Returns what of that would not follow its new template: it is paused, or its update strategy holds pods back."""
    return (*paused(rolled), *held_back(rolled))


def standing_rows(
    application: Application, side: SideState, images: Mapping[str, str], again: Mapping[str, str]
) -> Iterator[Evidence]:
    """Yields the same as rows, each with what mends it."""
    for each in standing(rolling(application, side, images, again)):
        gate, asked = f"{each.workload.kind} {each.workload.name}", "whether its pods follow its template"
        yield Evidence(gate, Verdict.FAIL, asked, str(side.place), each.fact, "they follow it", mend=each.command)

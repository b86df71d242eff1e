"""What a question is about, for people: its sentence, and what would be different after a yes, line by line."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.workloads import taken_out
from flipgate.core.workloads.content import gets_anew, marks, new_content
from flipgate.core.workloads.counts import rest_counts
from flipgate.core.workloads.differences import Differences, differing_lines
from flipgate.core.workloads.render import images_of
from flipgate.core.workloads.stateful import AT_REST, HANDED_OVER, deletes
from flipgate.core.workloads.view import View, Workload
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import need_record, read_taken_out


def changes_of(world: World, view: View, release: Release, kind: QuestionKind, differs: Differences) -> tuple[str, ...]:
    """What would be different after a yes, in lines: images that users will see change and what else differs, or pods
    that go."""
    if kind is QuestionKind.SCALE_DOWN:
        side = view.sides[release.side.other]
        gone = read_taken_out(world, need_record(world, view), side.side, world.say)
        stay = [
            f"{name} is no longer in the file: its pods stay, {count}" for name, count in gone.replicas.items() if count
        ]
        keep = rest_counts(world.application, world.application.spec.policy.rest_replicas)
        going = sum(max(0, count - keep.get(name, 0)) for name, count in side.replicas.items())
        goes = f"{going} pods of {side.side} go; {release.side} keeps serving"
        return (goes, *_data_lost(world, view, release, kind), *stay)
    record, old = need_record(world, view), release.side.other
    before = images_of(world.application, view.sides[old]) if record.ran_on(old) else {}
    up = {name for name, workload in view.sides[old].workloads.items() if workload.up}
    new = {name for name in release.images if record.ran_without(old, name) and name not in up}
    lines = [
        f"{name}: new with this release ({old} never ran it), {ref}"
        if name in new
        else f"{name}: {before.get(name, 'nothing')} to {ref}"
        for name, ref in release.images.items()
        if name in new or before.get(name) != ref
    ]
    # By what stands there: of a release that went back its tags have that content still.
    anew = new_content(release.images, marks(view.sides[release.side]), view.sides[old]) if before else {}
    lines += [f"{name}: {ref} again, which is said to have other content by now" for name, ref in anew.items()]
    lines += differing_lines(differs)
    unread: list[str] = []
    gone = read_taken_out(world, record, old, unread.append)
    lines += [*taken_out.lines(world.application, record, gone), *unread, *_data_lost(world, view, release, kind)]
    return tuple(lines) or ("configuration only",)


def losing_data(world: World, view: View, release: Release, kind: QuestionKind) -> list[Workload]:
    """What of the old side loses its data by a yes: StatefulSets that go down, and delete their volumes then."""
    old, flip = view.sides[release.side.other], kind is QuestionKind.FLIP
    services = world.application.workers() if flip else world.application.spec.services
    going = [old.workloads[service.name] for service in services]
    return [workload for workload in going if deletes(workload, AT_REST)]


def _data_lost(world: World, view: View, release: Release, kind: QuestionKind) -> Iterator[str]:
    when = HANDED_OVER if kind is QuestionKind.FLIP else AT_REST
    for workload in losing_data(world, view, release, kind):
        if workload.pods or workload.up:
            yield f"{workload}: {deletes(workload, when)}"


def summary_of(record: Record, view: View, release: Release, kind: QuestionKind) -> str:
    """The question in a sentence or two. A first release ever has no old side, and no way back: who approves knows."""
    name, old = record.application, release.side.other
    if not record.ran_on(old):
        first = f"Nothing ever ran on {old}: there is no way back."
        if kind is QuestionKind.FLIP:
            return f"Send all users of {name} to {release.side} (release {release.name}, the first)? {first}"
        return f"Close release {release.name} of {name}, the first? {first}"
    if kind is QuestionKind.FLIP:
        return f"Send all users of {name} from {old} to {release.side} (release {release.name})?"
    rest = f"Put {old} of {name} to rest? Going back from release {release.name} is slow after that."
    return f"{rest} {gets_anew(view.sides[old], view.sides[release.side])}".rstrip()

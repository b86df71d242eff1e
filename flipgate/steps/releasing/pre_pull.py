"""Has nodes pull a release's new images before its pods come, by a short Job for each node, a few at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flipgate.adapters.addresses import address
from flipgate.adapters.nodes import list_nodes
from flipgate.core.gates.job_check import job_labels, job_name
from flipgate.core.record.intents import StartJob
from flipgate.core.record.release import Release
from flipgate.core.spec.pre_pull import NOUN
from flipgate.core.values.errors import FlipgateError, PermanentError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import NAME_BYTES, fitted
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.counts import whole_counts
from flipgate.core.workloads.job_status import finished
from flipgate.core.workloads.pre_pull import Pull, Pulled, Wanted, open_images, pull_job, pulls_of, read_pod, told
from flipgate.core.workloads.view import View
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.looking.preflight import need_rows
from flipgate.steps.moving.forget_jobs import forget_jobs
from flipgate.steps.moving.jobs import let_run, make_job
from flipgate.steps.moving.run_task import while_open

LOOK_SECONDS = 1.0
LATE: Final = "not within the limit"


def need_pulled(acting: Acting, release: Release, view: View, before: Sequence[Evidence] = ()) -> list[Evidence]:
    """Returns a row that says which images are on which nodes by now; none where the file asks for no pulling, or no
    image is new. Raises Refused (PreflightFailed), with the rows of `before`, where the file requires them all, and
    one is not there."""
    wanted = acting.application.spec.pre_pull
    if wanted is None:
        return []
    answer, verdict = _pull(acting, release, view, wanted.timeout_seconds, wanted.at_once)
    if answer is None:
        return []
    row = Evidence(
        NOUN,
        verdict if wanted.required else Verdict.INFO,
        "the release's new images",
        "the nodes on which its pods can come",
        answer,
        f"pulled within {wanted.timeout_seconds} s",
    )
    need_rows(acting.world, release, [row], before)
    return [row]


def _pull(acting: Acting, release: Release, view: View, seconds: int, at_once: int) -> tuple[str | None, Verdict]:
    """What is said of all pulls, and how they ended; nothing where there is none to do."""
    world = acting.world
    wanted = _wanted(acting, release, view)
    if not wanted:
        return None, Verdict.PASS
    try:
        pulls = pulls_of(list_nodes(world.cluster), wanted)
    except FlipgateError as error:
        return f"not known: {error.named_fact}", Verdict.UNKNOWN
    if not pulls:
        return "there is no node on which its pods can come", Verdict.FAIL
    pulled, ends = Pulled(), world.monotonic() + seconds
    for first in range(0, len(pulls), at_once):
        some = pulls[first : first + at_once]
        world.say(f"pulling the release's images to {', '.join(dict.fromkeys(each.node for each in some))}")
        _pull_some(acting, release, some, pulled, ends)
    forget_jobs(acting, release.side, NOUN)
    verdict = Verdict.FAIL if pulled.not_there else Verdict.PASS
    return told(pulled, len({pull.node for pull in pulls})), verdict


def _wanted(acting: Acting, release: Release, view: View) -> list[Wanted]:
    """The images that no workload of the live side runs, of services that will have pods."""
    side, live = view.sides[release.side], view.sides[release.side.other]
    known = {image for each in live.workloads.values() for image in each.images.values()}
    return [
        Wanted(release.images[name], side.workloads[name].template.get("spec", {}))
        for name, count in whole_counts(acting.application, live).items()
        if count and side.workloads[name].found and release.images[name] not in known
    ]


def _pull_some(acting: Acting, release: Release, pulls: Sequence[Pull], pulled: Pulled, ends: float) -> None:
    """Lets the Jobs of these pulls run, and waits until their pods have said what became of each image, or time is
    up."""
    world, may_go_on = acting.world, while_open(acting, release)
    left = round(ends - world.monotonic())
    why = _start(acting, release, pulls, left) if left > 0 else LATE
    path = address("Pod", acting.application.place_of(release.side).namespace)
    names = {_name(pull, release): pull for pull in pulls}
    while not why and any(open_images(pull, pulled) for pull in pulls):
        may_go_on()
        for pod in world.cluster.items(path, labelSelector=f"job-name in ({','.join(sorted(names))})"):
            read_pod(names[pod["metadata"]["labels"]["job-name"]], pod, pulled)
        if world.monotonic() >= ends:
            why = LATE
        elif any(open_images(pull, pulled) for pull in pulls):
            world.sleep(LOOK_SECONDS)
    pulled.not_there.update(dict.fromkeys((pair for pull in pulls for pair in open_images(pull, pulled)), why))


def _start(acting: Acting, release: Release, pulls: Sequence[Pull], seconds: int) -> str:
    """Makes the Jobs and lets them run, as far as that was not done. Why they cannot be, where the API server will not
    have them: the entry is closed."""
    nodes = ", ".join(dict.fromkeys(each.node for each in pulls))
    try:
        with journal(acting, StartJob(release.side, fitted(f"{NOUN} to {nodes}", NAME_BYTES))) as entry:
            try:
                jobs = [_made(acting, release, pull, seconds) for pull in pulls]
                acting.confirm_lease()  # they may have been made late, after users came: then nobody lets them run
                for job in jobs:
                    if not finished(job) and job["spec"].get("suspend"):
                        let_run(acting, job)
            except PermanentError as error:
                raise Refused(f"the API server refuses it: {error.fact}", reason=Why.CHECKS_FAILED) from error
            entry.outcome = f"{len(pulls)} Jobs run on {release.side}"
    except Refused as refused:
        if refused.reason != Why.CHECKS_FAILED:
            raise
        return refused.fact
    return ""


def _made(acting: Acting, release: Release, pull: Pull, seconds: int) -> dict[str, Any]:
    """The Job of this pull: the one that an earlier run of this release has made, or a new one, suspended."""
    namespace, name = acting.application.place_of(release.side).namespace, _name(pull, release)
    if found := acting.world.cluster.find(address("Job", namespace, name)):
        return found
    labels = job_labels(acting.application.name, release.name, NOUN)
    return make_job(acting, namespace, name, labels, pull_job(pull), seconds)


def _name(pull: Pull, release: Release) -> str:
    declared = {"node": pull.node, "account": pull.account, "images": list(pull.images), "secrets": list(pull.secrets)}
    return job_name(NOUN, f"pull-{pull.node.replace('.', '-')}", declared, release.name)

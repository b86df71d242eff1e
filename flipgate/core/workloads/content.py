"""What a reference does not tell: whether its tag has other content by now. Somebody has to say so, and pods show it.

A tag is pulled when a pod starts, or not: by `imagePullPolicy` and by what the node has (kubernetes.io, "Images"). Only
the pods that run say which content that was, by their image IDs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, Final

from flipgate.core.spec.application import Application
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.containers import Spot, released, spots
from flipgate.core.workloads.view import ENDED_PHASES, SideState, Workload, repository_of

ALWAYS: Final = "Always"
IDS_SHOWN: Final = 19
"""Characters of an image ID in a sentence: `sha256:` and twelve digits."""


def deploy_again(application: Application, images: Mapping[str, str]) -> str:
    """Returns the command that releases these references though they are live; empty where each names a digest, whose
    content is always the same."""
    tags = [f"--image {name}={ref}" for name, ref in sorted(images.items()) if "@" not in ref]
    return f"flipgate deploy {application.name} {' '.join(tags)} --again, where a tag was pushed anew" if tags else ""


def not_pulled(
    application: Application, side: SideState, images: Mapping[str, str], again: Collection[str]
) -> Iterator[str]:
    """Yields a sentence for each service that is released `again` whose pods start from what a node has of its tag."""
    for service in (each for each in application.spec.services if each.name in again):
        workload, ref = side.workloads[service.name], images[service.name]
        spots = () if "@" in ref else released(workload, service)
        kept = [spot for spot in spots if _policy(workload, spot) != ALWAYS]
        if kept:
            names = ", ".join(f"{spot.name} ({_policy(workload, spot)})" for spot in kept)
            yield (
                f"{workload} pulls {ref} only where a node has none of that name: imagePullPolicy of {names}. Set it "
                f"to {ALWAYS}, or name the digest: --image {service.name}={repository_of(ref)}@sha256:..."
            )


def new_content(images: Mapping[str, str], again: Mapping[str, str], old: SideState | None) -> dict[str, str]:
    """Returns the services, with their references, that were said to have other content than on the `old` side, where
    their pods are of the same reference under another mark."""
    olds = old.workloads if old else {}
    return {
        name: images[name]
        for name, mark in sorted(again.items())
        if name in olds and olds[name].again != mark and images.get(name) in olds[name].images.values()
    }


def marks(state: SideState) -> dict[str, str]:
    """Returns the marks under which what stands on a side was released again, by service."""
    return {name: each.again for name, each in state.workloads.items() if each.again}


def gets_anew(old: SideState, new: SideState) -> str:
    """What becomes of a way back on which the pods of the old side are made anew, a sentence: a tag that was released
    again has the new side's content by then. Empty where there is none."""
    images = {name: each.image_of(None) or "" for name, each in new.workloads.items()}
    tags = [f"{name} ({ref})" for name, ref in new_content(images, marks(new), old).items() if "@" not in ref]
    if not tags:
        return ""
    return (
        f"Pods that {old.side} starts then pull their tags anew, and may get what {new.side} runs, not what they ran: "
        f"{', '.join(tags)}."
    )


def image_ids(pods: Iterable[Mapping[str, Any]], container: str) -> frozenset[str]:
    """Returns the content that these pods run in a container: the digests of their image IDs, without the name under
    which a container runtime gives them (`docker.io/shop/web@sha256:...`). None of pods that are going."""
    found = set()
    for pod in pods:
        if pod["metadata"].get("deletionTimestamp"):
            continue
        for each in (pod.get("status") or {}).get("containerStatuses") or []:
            if each.get("name") == container and each.get("imageID"):
                found.add(str(each["imageID"]).rpartition("@")[2])
    return frozenset(found)


@dataclass(frozen=True)
class Content:
    """What pods say of one image reference."""

    ids: tuple[str, ...] = ()
    """The digests that they run, sorted."""
    silent: int = 0
    """Containers of it that say none."""

    def __str__(self) -> str:
        return " and ".join(self.ids) or "nothing that a pod says"


def content_of(side: SideState, pods: Iterable[Mapping[str, Any]]) -> dict[str, Content]:
    """Returns what these pods of a side's namespace run of each reference that its workloads name by a tag. One that
    names a digest is left out: it is always the same."""
    named = {each.image for workload in side.workloads.values() for each in spots(workload.template)}
    found: dict[str, list[str]] = {ref: [] for ref in sorted(named) if "@" not in ref}
    selectors = [selector for each in side.workloads.values() if (selector := labels_of(each.selector))]
    for pod in pods:
        labels = (pod["metadata"].get("labels") or {}).items()
        if not goes_on(pod) or not any(selector <= labels for selector in selectors):
            continue
        refs = {each.name: each.image for each in spots(pod)}
        for each in _statuses(pod):
            if (ref := refs.get(each["name"])) in found:
                found[ref].append(str(each.get("imageID") or "").rpartition("@")[2])
    return {ref: Content(tuple(sorted({*ids} - {""})), ids.count("")) for ref, ids in found.items()}


def labels_of(selector: str) -> Set[tuple[str, str]]:
    return {(key, value) for key, _, value in (each.partition("=") for each in selector.split(",")) if key}


def goes_on(pod: Mapping[str, Any]) -> bool:
    ended = (pod.get("status") or {}).get("phase") in ENDED_PHASES
    return not ended and not pod["metadata"].get("deletionTimestamp")


def _statuses(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    status = pod.get("status") or {}
    return [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]


def several(found: Mapping[str, Content]) -> str:
    """Says which references stand for more than one content now, as a sentence; empty where none does."""
    return "; ".join(f"pods of {ref} run {each}" for ref, each in found.items() if len(each.ids) > 1)


def not_approved(approved: Mapping[str, Sequence[str]], found: Mapping[str, Content]) -> str:
    """Says what pods run of these references that was not approved, as a sentence; empty where all is. One that nobody
    could tell the content of when it was asked about is not among them."""
    told = []
    for ref, ids in approved.items():
        now = found.get(ref, Content())
        if not {*now.ids} <= {*ids}:
            told.append(f"pods of {ref} run {now}, approved was {' and '.join(ids)}")
        elif now.silent:
            told.append(f"{now.silent} containers of {ref} do not say what they run, approved was {' and '.join(ids)}")
    return "; ".join(told)


def content_shown(found: Mapping[str, Content]) -> list[Evidence]:
    """Returns what a person is shown of it: the digests that a yes is bound to, and where nobody can tell."""
    rows = [_of_reference(ref, each) for ref, each in found.items() if each.ids or each.silent]
    waiting = ", ".join(ref for ref, each in found.items() if not each.ids and not each.silent)
    if waiting:
        rows.append(_digest("images without pods", Verdict.INFO, f"not known before they start: {waiting}"))
    return rows


def _of_reference(ref: str, content: Content) -> Evidence:
    if not content.silent:
        return _digest(f"image {ref}", Verdict.INFO, str(content))
    told = f"{content.silent} containers do not say what they run; a digest in its place would (REPOSITORY@sha256:...)"
    return _digest(f"image {ref}", Verdict.UNKNOWN, f"{content}; {told}" if content.ids else told)


def _digest(gate: str, verdict: Verdict, answer: str) -> Evidence:
    return Evidence(gate, verdict, "image IDs of the pods", "Kubernetes", answer, "")


def compared(
    service: str, ref: str, side: Side, new: Collection[str], old: Collection[str], kept: Iterable[str] = ()
) -> Evidence:
    """Returns what a person is shown of a reference that was released again on this side: whether its pods run other
    content than those of the live one, by their image IDs; with what keeps pods from pulling it. It decides nothing."""
    if not new or not old:
        return not_known(service, ref, f"no pod of {side.other if new else side} says what it runs")
    if set(new) != set(old):
        return _shown(service, ref, f"other content than what is live: {_ids(new)}, {side.other} runs {_ids(old)}")
    return _shown(service, ref, ". ".join([f"same content as what is live ({_ids(new)})", *kept]))


def not_known(service: str, ref: str, why: str) -> Evidence:
    """Returns the same where nobody can tell, and why."""
    return _shown(service, ref, f"not known whether it is other content than what is live: {why}")


def _shown(service: str, ref: str, answer: str) -> Evidence:
    return Evidence(f"content of {service}", Verdict.INFO, f"image IDs of pods with {ref}", "Kubernetes", answer, "")


def _ids(found: Collection[str]) -> str:
    return " and ".join(each[:IDS_SHOWN] for each in sorted(found))


def _policy(workload: Workload, spot: Spot) -> str:
    """When a container's image is pulled; the API server writes it down as an object is made, by its tag then."""
    return str(workload.template["spec"][spot.list][spot.index].get("imagePullPolicy", "IfNotPresent"))

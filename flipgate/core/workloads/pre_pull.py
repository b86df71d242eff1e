"""Which images are pulled to which nodes before a release's pods come, by which Job, and what its pod says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from flipgate.core.values.foreign import SENTENCE_SHOWN, printable
from flipgate.core.values.frozen import dataclass
from flipgate.core.workloads.nodes import Node, keeps_out

KEPT_SECONDS: Final = 600
"""How long one is kept that nobody took away: its run was killed."""
NOT_TO_BE_HAD: Final = frozenset({"ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
"""Words of the kubelet for an image that it cannot pull; it goes on trying where that may help."""
AFTER_THE_PULL: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
"""Words for a container that does not start although its image is there."""
LITTLE: Final = {"cpu": "10m", "memory": "32Mi"}
NOBODY: Final = 65_534
CONFINED: Final = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": NOBODY,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""As Pod Security's `restricted` wants it: what is started there does nothing."""


@dataclass(frozen=True)
class Wanted:
    """The new image of one service, and the spec of its pods."""

    image: str
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class Pull:
    """The images that one Job has a node pull, under one account, whose pull secrets count."""

    node: str
    account: str
    images: tuple[str, ...]
    secrets: tuple[str, ...]


@dataclass
class Pulled:
    """What became of the images on the nodes: which are there, and why others are not."""

    there: set[tuple[str, str]] = field(default_factory=set)
    """Image and node."""
    not_there: dict[tuple[str, str], str] = field(default_factory=dict)


def pulls_of(nodes: Iterable[Node], wanted: Sequence[Wanted]) -> tuple[Pull, ...]:
    """Returns what each node has to pull: the images of the services whose pods may run there."""
    found: dict[tuple[str, str], list[Wanted]] = {}
    for node in nodes:
        for each in wanted:
            if not keeps_out(node, each.spec):
                found.setdefault((node.name, str(each.spec.get("serviceAccountName", ""))), []).append(each)
    return tuple(
        Pull(
            node,
            account,
            tuple(sorted({each.image for each in some})),
            tuple(sorted({one["name"] for each in some for one in each.spec.get("imagePullSecrets") or []})),
        )
        for (node, account), some in sorted(found.items())
    )


def pull_job(pull: Pull) -> dict[str, Any]:
    """Returns the spec of the Job: a container of each image on that very node, which ends at once, or cannot start
    where its image has no such program: by then it was pulled."""
    resources = {"requests": LITTLE, "limits": LITTLE}
    containers = [
        {
            "name": f"image-{number}",
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["true"],
            "resources": resources,
            "securityContext": CONFINED,
        }
        for number, image in enumerate(pull.images, 1)
    ]
    pod = {
        "nodeName": pull.node,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
        "containers": containers,
        **({"serviceAccountName": pull.account} if pull.account else {}),
        **({"imagePullSecrets": [{"name": name} for name in pull.secrets]} if pull.secrets else {}),
    }
    return {"backoffLimit": 0, "ttlSecondsAfterFinished": KEPT_SECONDS, "template": {"spec": pod}}


def read_pod(pull: Pull, pod: Mapping[str, Any], pulled: Pulled) -> None:
    """Adds what a Job's pod says of its images: one is there once its container has an image ID, whatever became of its
    command."""
    status = pod.get("status") or {}
    states = {each["name"]: each for each in status.get("containerStatuses") or []}
    for number, image in enumerate(pull.images, 1):
        each = states.get(f"image-{number}", {})
        waiting = (each.get("state") or {}).get("waiting") or {}
        reason = str(waiting.get("reason", ""))
        if each.get("imageID") or reason in AFTER_THE_PULL:
            pulled.there.add((image, pull.node))
        elif reason in NOT_TO_BE_HAD:
            pulled.not_there[image, pull.node] = _said(reason, waiting.get("message"))
        elif status.get("phase") == "Failed":
            pulled.not_there[image, pull.node] = _said(
                str(status.get("reason", "its pod failed")), status.get("message")
            )


def open_images(pull: Pull, pulled: Pulled) -> list[tuple[str, str]]:
    """Returns the images of a pull of which nothing is known yet, with its node."""
    pairs = ((image, pull.node) for image in pull.images)
    return [pair for pair in pairs if pair not in pulled.there and pair not in pulled.not_there]


def told(pulled: Pulled, nodes: int) -> str:
    """Says what became of all of it, in a sentence."""
    images = len({image for image, _ in (*pulled.there, *pulled.not_there)})
    lines = [f"{image} on {node} ({why})" for (image, node), why in sorted(pulled.not_there.items())]
    done = f"{len(pulled.there)} of {len(pulled.there) + len(pulled.not_there)} pulls done"
    some = f"{images} image{'' if images == 1 else 's'}, {nodes} node{'' if nodes == 1 else 's'}: {done}"
    return "; ".join([some, *([f"not pulled: {', '.join(lines)}"] if lines else [])])


def _said(reason: str, message: object) -> str:
    return f"{reason}: {printable(str(message), SENTENCE_SHOWN)}" if message else reason

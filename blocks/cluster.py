"""The cluster connection, and how a flow gets its World from it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import httpx
from prefect.blocks.core import Block
from prefect.logging import get_logger
from pydantic import Field, HttpUrl

from blocks.chat import BLOCKS, LOGOS, FlipgateChat
from blocks.git import FlipgateGit
from flipgate.adapters.chat import Chat
from flipgate.adapters.cluster import Cluster
from flipgate.adapters.git_access import Credentials
from flipgate.adapters.store import Store, files, noted
from flipgate.core.values.errors import BadInput, FlipgateError, Unreachable
from flipgate.core.values.foreign import printable
from flipgate.steps.acting.world import DEFAULT_NAMESPACE, World

BLOCK_NAME = re.compile(r"[a-z0-9-]+")
KNOWN_SECONDS = 20.0
"""How old a file may be that was read with all others: longer than a turn that finds nothing to do, and shorter than
anybody takes to apply another one and to move users by it."""
AMBIENT = "default"
"""The block that need not exist: without it, what the worker's own environment offers is used, as kubectl would."""


class FlipgateCluster(Block):
    """One Kubernetes cluster that flipgate releases on. Empty fields mean: as kubectl would in the worker's place."""

    _block_type_name = "Flipgate Cluster"
    _block_type_slug = "flipgate-cluster"
    _logo_url = HttpUrl(f"{LOGOS}/kubernetes.png")
    _documentation_url = BLOCKS
    _description = "A Kubernetes cluster with flipgate's own namespace on it, and the chat that hears of its releases."

    kubeconfig: str | None = Field(default=None, description="Path of a kubeconfig on the worker.")
    context: str | None = Field(default=None, description="Context in that kubeconfig.")
    namespace: str = Field(default=DEFAULT_NAMESPACE, description="flipgate's own namespace.")
    chat: FlipgateChat | None = Field(default=None, description="Who is told.")

    def connect(self) -> Cluster:
        """A connection of its own to that cluster."""
        return Cluster.connect(self.kubeconfig, self.context)

    def open_known(self, application: str, known: Known, actor: str) -> World:
        """The World of an application that was found with all others; its file is read once more where that is old."""
        cluster = known.connection()
        store = Store(cluster, self.namespace, application).knowing(known.noted)
        text = store.application_text() if known.old else known.text
        return World.of(cluster, store, text, actor=actor, chat=self._chat())

    def open(self, application: str, *, actor: str = "") -> World:
        """The World that the command line builds from its flags."""
        return World.open(
            application,
            kubeconfig=self.kubeconfig,
            context=self.context,
            namespace=self.namespace,
            actor=actor,
            chat=self._chat(),
        )

    def _chat(self) -> Chat | None:
        """A chat that is filled in wrongly is said and left out: it must not be in a release's way, still less in the
        way back's. Messages wait in the outbox."""
        try:
            return self.chat.open() if self.chat else None
        except BadInput as error:
            get_logger("flipgate").warning("nobody will be told: %s", error)
            return None


def register() -> None:
    """Makes the block types known to the server: a step of `prefect deploy`, for a server that is no checkout's."""
    FlipgateCluster.register_type_and_schema()  # and the chat's, which is a field of it
    FlipgateGit.register_type_and_schema()


@dataclass(frozen=True)
class Known:
    """An application that was found with all others of its cluster: opening it asks for none of this again."""

    block: FlipgateCluster
    text: str
    noted: dict[str, Any] | None
    connection: Callable[[], Cluster]
    """One for each thread."""
    listed: float = field(default_factory=time.monotonic)
    """When, by the monotonic clock."""

    @property
    def old(self) -> bool:
        return time.monotonic() - self.listed > KNOWN_SECONDS


def connect(application: str, cluster: str = AMBIENT, *, actor: str = "", known: Known | None = None) -> World:
    """The World of an application on the cluster that a block names. Raises BadInput for a block that is not there."""
    if known:
        world = known.block.open_known(application, known, actor)
    else:
        world = _load(cluster).open(application, actor=actor)
    git = world.application.spec.git
    return replace(world, git_credentials=partial(_credentials, git.block)) if git and git.block else world


def applications(cluster: str = AMBIENT) -> Mapping[str, Known]:
    """All applications on the cluster that a block names, by name. Raises as `connect` does."""
    block, own = _load(cluster), threading.local()

    def connection() -> Cluster:
        if not hasattr(own, "cluster"):
            own.cluster = block.connect()
        found: Cluster = own.cluster
        return found

    texts = files(connection(), block.namespace)
    try:
        succeeded = noted(connection(), block.namespace)
    except FlipgateError:
        succeeded = {}  # each is read by itself then
    return {name: Known(block, text, succeeded.get(name), connection) for name, text in sorted(texts.items())}


def _credentials(block: str) -> Credentials:
    """Raises BadInput for a block that is not there, Unreachable where Prefect is not: a run that watches goes on."""
    try:
        found = FlipgateGit.load(block)
    except ValueError:
        raise BadInput(
            "does not exist on this Prefect server",
            obj=f"block flipgate-git/{block}",
            untouched="the repository",
            next_command="prefect block create flipgate-git",
        ) from None  # what it says may hold what is in the block
    except (httpx.HTTPError, RuntimeError) as error:
        raise Unreachable(
            f"Prefect did not answer as expected: {type(error).__name__}",
            obj=f"block flipgate-git/{block}",
            untouched="the repository",
        ) from None  # it names the server's address, which may hold a password
    assert isinstance(found, FlipgateGit)
    return found.open()


def _load(cluster: str) -> FlipgateCluster:
    if not BLOCK_NAME.fullmatch(cluster):  # whoever starts a run names it, and it is part of an address
        raise BadInput(
            "is no block's name: small letters, digits and -",
            obj=f"block {printable(cluster)}",
            untouched="everything",
            next_command="prefect block ls",
        )
    try:
        block = FlipgateCluster.load(cluster)
    except ValueError as error:
        if cluster != AMBIENT:
            raise BadInput(
                "does not exist on this Prefect server",
                obj=f"block flipgate-cluster/{cluster}",
                next_command="prefect block create flipgate-cluster",
            ) from error
        block = FlipgateCluster()
    assert isinstance(block, FlipgateCluster)
    return block

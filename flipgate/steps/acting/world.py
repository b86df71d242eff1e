"""The World: all that a step works with, in one object. Cluster, store, clock, channels, and who is acting."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from flipgate.adapters.cluster import Cluster, Reader
from flipgate.adapters.events import write_events
from flipgate.adapters.git_access import Credentials
from flipgate.adapters.lease import Lease
from flipgate.adapters.memory import Memory
from flipgate.adapters.routes import find_route_api
from flipgate.adapters.store import Store
from flipgate.core.record.announcement import Announcement
from flipgate.core.record.events import InvolvedObject
from flipgate.core.record.record import Record
from flipgate.core.spec.application import Application
from flipgate.core.spec.fields import is_name
from flipgate.core.spec.git import GitSpec
from flipgate.core.spec.probe import SecretKey
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput, Refused, about
from flipgate.core.values.foreign import printable
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.text import NAME_BYTES, fitted
from flipgate.steps.acting.acting import SEAL, Acting, Authority

if TYPE_CHECKING:
    from flipgate.adapters.chat import Chat
    from flipgate.adapters.git import Git
    from flipgate.adapters.proxy import Proxy

DEFAULT_NAMESPACE = "flipgate"

AT_ONCE = 8
"""Requests under way at once: fewer than the client keeps connections for."""

T = TypeVar("T")
R = TypeVar("R")


_own = threading.local()


def _pool() -> ThreadPoolExecutor:
    """Returns the calling thread's own thread pool, which is kept: starting one costs as much as a request. It is not
    shared, so that a slow question in the background (a gate that reads logs) never delays sending users back."""
    if not hasattr(_own, "pool"):
        _own.pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="flipgate-hand")
    pool: ThreadPoolExecutor = _own.pool
    return pool


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_nonce() -> str:
    """Returns the random part of a stamp, which tells it from others of the same epoch."""
    return uuid4().hex[:10]


@dataclass
class World:
    """One application on one cluster, as one actor; never pickled. Its holder can look, and change the record; changing
    the cluster's objects takes an Acting."""

    _cluster: Cluster
    store: Store
    application: Application
    actor: str
    chat: Chat | None = None
    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    """For what is measured, and waited for: seconds that never go back."""
    say: Callable[[str], None] = field(default=lambda _: None)
    run_page: str = ""
    """The page of the run that works here, which a commit's message names; empty outside of one, or without a UI."""
    nonce: Callable[[], str] = new_nonce
    uids: dict[InvolvedObject, str] = field(default_factory=dict)
    """Of the objects that Events were written on: read once, a process is short beside an object's life."""
    counted: dict[str, Side] = field(default_factory=dict)
    """Whose each of Traefik's counters is, once somebody has asked: only where no header names the side."""
    secrets: dict[SecretKey, tuple[float, str]] = field(default_factory=dict, repr=False)
    """Values of declared headers, with when they were read."""
    git_credentials: Callable[[], Credentials | None] = field(default=lambda: None, repr=False)
    """Asked for when Git is needed, and not before: going back needs none. Raises BadInput where they are not there."""
    memory: Memory | None = field(default=None, repr=False)
    """Of who looks at the same things again and again before it acts, if it acts at all; nobody acts on it."""
    _route_apis: dict[str, str] = field(default_factory=dict)
    cluster: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.cluster = self._cluster.reader(self.memory)
        self.actor = fitted(self.actor, NAME_BYTES)  # it is compared with what Lease and record say

    @classmethod
    def open(
        cls,
        application: str,
        *,
        kubeconfig: str | Path | None = None,
        context: str | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        actor: str = "",
        chat: Chat | None = None,
    ) -> World:
        """The world of an application that `apply` has written. Raises NotFound when it has not, BadInput for what no
        application is called: the name is part of the addresses of what is read and written."""
        if not is_name(application):
            raise BadInput(
                "is no application's name: small letters, digits and -",
                obj=f"application {printable(application)}",
                untouched="everything",
                next_command="flipgate status",
            )
        cluster = Cluster.connect(kubeconfig, context)
        store = Store(cluster, namespace, application)
        return cls.of(cluster, store, store.application_text(), actor=actor, chat=chat)

    @classmethod
    def of(cls, cluster: Cluster, store: Store, text: str, *, actor: str = "", chat: Chat | None = None) -> World:
        """The world of an application whose file has been read from its store."""
        declared = store.declared(text)
        channel = declared.spec.announce.slack_channel
        told = replace(chat, channel=channel) if chat and channel else None
        return cls(cluster, store, declared, actor or default_actor(), told)

    def remembering(self, seconds: float) -> World:
        """The same, which looks at nothing twice within so many seconds until something is written, and lists rather
        than reads by name. Whoever takes the Lease looks anew."""
        memory = Memory(self.monotonic, seconds)
        return replace(self, memory=memory, store=self.store.remembering(memory))

    def forget(self) -> None:
        """What is looked at next is looked at anew, and remembered."""
        if self.memory:
            self.memory.forget()

    def looking_anew(self) -> AbstractContextManager[None]:
        """Nothing is answered from memory in this block: for who decides, acts or tells."""
        return self.memory.paused() if self.memory else nullcontext()

    def route_api(self, kind: str) -> str:
        """The API that routes of this kind are served under, found once a group. Raises Refused where there is none."""
        group = KINDS[kind].group
        if group not in self._route_apis:
            self._route_apis[group] = find_route_api(self.cluster, kind)
        return self._route_apis[group]

    @property
    def proxy(self) -> Proxy:
        """The proxy that stands before users, as the application's file declares it."""
        from flipgate.adapters.proxy import proxy_of

        return proxy_of(self.application, self.cluster)

    @property
    def hold(self) -> str:
        """What marks a route that Flux is told to leave as it is: the time. Empty where Flux keeps no routes."""
        git = self.application.spec.git
        return f"{self.now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if git and git.holds else ""

    def open_git(self) -> Git:
        """The team's repository, where the application's file declares one. Raises BadInput without credentials that it
        names."""
        from flipgate.adapters.git import Git

        return Git.of(self.git_spec(), self.git_credentials())

    def git_spec(self) -> GitSpec:
        """What the application's file says of the team's repository; asked only where it declares one."""
        assert self.application.spec.git is not None
        return self.application.spec.git

    def each(self, act: Callable[[T], R], things: Iterable[T]) -> list[R]:
        """Calls `act` on each thing, a few at a time, and returns the results in the things' order. Raises what the
        first call that failed raised.

        All have ended when it returns.
        """
        under_way = [_pool().submit(act, thing) for thing in things]
        wait(under_way)
        return [each.result() for each in under_way]

    @contextmanager
    def acting(self, *, steal: bool = False, patience_seconds: float | None = None) -> Iterator[Acting]:
        """Holds the Lease and a new epoch of the record while the block acts.

        Raises Refused (LeaseHeld) when another holder is still alive after `patience_seconds`, LostLease when it was
        stolen at once.
        """
        lease = self._new_lease()
        with about(self.application.name), self.looking_anew():
            lease.acquire(steal=steal, patience_seconds=patience_seconds)
            try:
                record = self.store.update(lambda r: but(r, epoch=r.epoch + 1, holder=self.actor))
                # Two writes: who stole the Lease between them has an epoch of its own, and ours must not outrun it.
                lease.confirm()
                with closing(Acting(SEAL, self, self._cluster, record, lease)) as acting:
                    yield acting
            finally:
                lease.release()

    @contextmanager
    def acting_without_lease(self, epoch: int | str, record: Record | None = None) -> Iterator[Authority]:
        """Gives an Authority, for the block, to an actor that cannot hold the Lease or need not. There are three: a
        rollback that cannot be recorded, `adopt` and `init` with the first record, and `contract`, which moves nothing.
        """
        with closing(Authority(SEAL, self, self._cluster, epoch, record)) as authority, about(self.application.name):
            yield authority

    def write_events(self, involved: InvolvedObject, api_version: str, messages: Iterable[Announcement]) -> None:
        """Writes these announcements as Events on one object. Raises as adapters/events.py says."""
        write_events(self._cluster, self.application.name, involved, api_version, self.uids[involved], messages)

    def unattended(self) -> bool:
        """Whether nobody acts on the application now: tries to take the Lease, and gives it back."""
        lease = self._new_lease()
        try:
            lease.acquire()
        except Refused as held:
            if held.reason == Why.LEASE_HELD:
                return False
            raise
        lease.release()
        return True

    def _new_lease(self) -> Lease:
        return Lease(self._cluster, self.store.namespace, self.application.name, self.actor, self.now)


def default_actor() -> str:
    """Who is acting, as the Lease and the journal name it: user, machine, process."""
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}/{os.getpid()}"

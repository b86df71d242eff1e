"""Time, threads and pools as the product sees them while a simulation runs: none of them is real.

Each module of the product that imports `time`, `threading` or a pool gets these in their place, so that a new module is
simulated like the others without anybody thinking of it.
"""

from __future__ import annotations

import concurrent.futures
import importlib
import pkgutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import flipgate.adapters
import flipgate.steps
from tests.simulation.scheduler import Scheduler, Task

PACKAGES = ("flipgate", "flows", "tasks", "blocks")


class Event:
    """A `threading.Event` whose waiting takes simulated time."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler, self._set = scheduler, False

    def set(self) -> None:
        self._set = True

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        return self._scheduler.block(self.is_set, timeout)


class Thread:
    """A `threading.Thread` that is a task of the process that made it."""

    def __init__(
        self,
        scheduler: Scheduler,
        target: Callable[..., Any],
        name: str = "",
        args: Iterable[Any] = (),
        daemon: bool = False,
    ) -> None:
        self._scheduler, self._act, self._name = scheduler, lambda: target(*args), name
        self._task: Task | None = None

    def start(self) -> None:
        self._task = self._scheduler.spawn(self._name, self._act, self._scheduler.current.process)

    def join(self, timeout: float | None = None) -> None:
        if self._task is not None:
            self._scheduler.block(lambda: bool(self._task and self._task.over), timeout)


class Future:
    """What a simulated pool gives for a call."""

    def __init__(self, scheduler: Scheduler, act: Callable[[], Any]) -> None:
        self._scheduler, self._value, self._cancelled = scheduler, None, False
        self.task = scheduler.spawn("hand", lambda: self._run(act), scheduler.current.process)

    def done(self) -> bool:
        return self.task.over or self._cancelled

    def cancel(self) -> bool:
        return False

    def exception(self, timeout: float | None = None) -> BaseException | None:
        if not self._scheduler.block(self.done, timeout):
            raise TimeoutError
        return self.task.error

    def result(self, timeout: float | None = None) -> Any:
        if error := self.exception(timeout):
            raise error
        return self._value

    def _run(self, act: Callable[[], Any]) -> None:
        self._value = act()


class Pool:
    """A `ThreadPoolExecutor` without a bound, which no order can notice."""

    def __init__(self, scheduler: Scheduler, *_: Any, **__: Any) -> None:
        self._scheduler = scheduler
        self._made: list[Future] = []

    def submit(self, act: Callable[..., Any], *args: Any, **named: Any) -> Future:
        self._made.append(Future(self._scheduler, lambda: act(*args, **named)))
        return self._made[-1]

    def map(self, act: Callable[..., Any], *things: Iterable[Any]) -> Iterator[Any]:
        made = [self.submit(act, *each) for each in zip(*things, strict=False)]
        return iter([each.result() for each in made])

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if wait:
            self._scheduler.block(lambda: all(each.done() for each in self._made))

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: Any) -> None:
        self.shutdown()


class Local:
    """A `threading.local`: each task has its own."""

    def __init__(self, scheduler: Scheduler) -> None:
        object.__setattr__(self, "_scheduler", scheduler)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._scheduler.current.local[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._scheduler.current.local[name] = value


@contextmanager
def in_place(scheduler: Scheduler) -> Iterator[None]:
    """Gives the product's modules these for the block, wherever they have imported the real ones."""

    def wait(futures: Iterable[Future], timeout: float | None = None, return_when: str = "") -> Any:
        waited = list(futures)
        scheduler.block(lambda: all(each.done() for each in waited), timeout)
        done = {each for each in waited if each.done()}
        return SimpleNamespace(done=done, not_done=set(waited) - done)

    clock = SimpleNamespace(
        monotonic=scheduler.monotonic,
        perf_counter=scheduler.monotonic,
        time=lambda: scheduler.now,
        sleep=scheduler.sleep,
    )
    threads = SimpleNamespace(
        Event=lambda: Event(scheduler),
        Thread=lambda *args, **named: Thread(scheduler, *args, **named),
        local=lambda: Local(scheduler),
    )
    stand_ins = {
        id(time): clock,
        id(threading): threads,
        id(threading.Thread): threads.Thread,
        id(concurrent.futures.ThreadPoolExecutor): lambda *args, **named: Pool(scheduler, *args, **named),
        id(concurrent.futures.wait): wait,
    }
    _import_all()
    places = _places(tuple(name for name in sys.modules if name.partition(".")[0] in PACKAGES))
    try:
        for module, attribute, value in places:
            setattr(module, attribute, stand_ins[id(value)] if id(value) in REAL else Local(scheduler))
        yield
    finally:
        for module, attribute, value in places:
            setattr(module, attribute, value)


REAL = frozenset(
    map(id, (time, threading, threading.Thread, concurrent.futures.ThreadPoolExecutor, concurrent.futures.wait))
)
"""What has a stand-in, by its id; each `threading.local` has one, too."""


@lru_cache(maxsize=1)
def _import_all() -> None:
    """What the product imports when it is needed has its stand-ins, too, in a process's first life as in the others."""
    for room in (flipgate.adapters, flipgate.steps):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            importlib.import_module(found.name)


@lru_cache(maxsize=1)
def _places(names: tuple[str, ...]) -> list[tuple[Any, str, Any]]:
    """Where these modules hold something real, and what it is."""
    return [
        (module, attribute, value)
        for module in map(sys.modules.__getitem__, names)
        for attribute, value in vars(module).items()
        if id(value) in REAL or isinstance(value, threading.local)
    ]

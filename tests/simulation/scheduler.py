"""One thing runs at a time, and what decides who goes on is a list of numbers: the same list is the same run.

Each task is a greenlet. It gives way wherever it asks for something, sleeps or looks whether it may go on; time moves
only when nobody can.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent, greenlet


class Dead(BaseException):
    """Raised in a task whose process has been killed: what still runs there (`finally`) can do nothing any more."""


class StuckError(Exception):
    """Nobody can go on, and nothing will happen by itself."""


class Choices:
    """Numbers below a bound, drawn by a seed; 0 is always the boring one."""

    def __init__(self, seed: int = 0) -> None:
        self._draw = random.Random(seed).random

    def below(self, bound: int) -> int:
        """Returns a number from 0 to `bound` - 1."""
        return int(self._draw() * bound)

    def once_in(self, many: int) -> bool:
        """Returns True about once in so many times; never where the choice is the boring one."""
        return self.below(many) == many - 1

    def seconds(self, longest: float) -> float:
        """Returns a time up to `longest`, in a hundred steps."""
        return self.below(101) / 100 * longest


@dataclass(eq=False)
class Process:
    """What is killed at once: an actor and all that it has started."""

    name: str
    dead: bool = False
    skew: float = 0.0
    """By how many seconds its wall clock is off."""
    slept: float = 0.0
    """The seconds that its monotonic clock has stood still."""


@dataclass(eq=False)
class Task:
    """One strand of one process."""

    name: str
    process: Process
    act: greenlet
    until: float = 0.0
    """When it goes on at the latest, in seconds of the simulation."""
    condition: Callable[[], bool] | None = None
    """What it waits for, before that."""
    local: dict[str, Any] = field(default_factory=dict)
    over: bool = False
    error: BaseException | None = None


class Scheduler:
    """Runs tasks until nothing is left to do, or until a limit of the simulated time."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.now = 0.0
        self.tasks: list[Task] = []
        self._graves: list[Task] = []
        self._hub = getcurrent()
        self.switches = 0

    @property
    def current(self) -> Task:
        """The task that runs."""
        task: Task = getcurrent().task  # type: ignore[attr-defined]
        return task

    def spawn(self, name: str, act: Callable[[], Any], process: Process) -> Task:
        """Starts a task; it first runs when it is chosen."""
        task = Task(name, process, greenlet(lambda: self._run(task, act), parent=self._hub), until=self.now)
        task.act.task = task  # type: ignore[attr-defined]
        self.tasks.append(task)
        return task

    def kill(self, process: Process) -> None:
        """Ends a process where it stands: none of its tasks runs again."""
        process.dead = True
        self._graves += [task for task in self.tasks if task.process is process]
        self.tasks = [task for task in self.tasks if task.process is not process]
        if getcurrent() is not self._hub and self.current.process is process:
            self._hub.switch()

    def pause(self, process: Process, seconds: float, *, noticed: bool) -> None:
        """Nothing of a process runs for so long. Unless it is `noticed`, its monotonic clock stands still, too."""
        frozen = [task for task in self.tasks if task.process is process]
        self.tasks = [task for task in self.tasks if task.process is not process]
        self._graves += frozen
        mine = self.current
        mine.until, mine.condition = self.now, None

        def wake() -> None:
            self.sleep(seconds)
            if not noticed:
                process.slept += seconds
                for task in frozen:
                    task.until += seconds
            self._graves = [task for task in self._graves if task not in frozen]
            self.tasks += [task for task in frozen if not process.dead]

        self.spawn("machine", wake, Process(f"the machine of {process.name}"))
        self._hub.switch()
        if process.dead:
            raise Dead

    def monotonic(self) -> float:
        """What the running task's monotonic clock says."""
        task = getattr(getcurrent(), "task", None)
        return self.now - task.process.slept if task else self.now

    def skew(self) -> float:
        """By how many seconds the running task's wall clock is off."""
        task = getattr(getcurrent(), "task", None)
        return task.process.skew if task else 0.0

    def sleep(self, seconds: float) -> None:
        """The running task gives way for so long."""
        self._wait(max(seconds, 0.0), None)

    def block(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """The running task gives way until `condition` holds, or for `seconds`. Returns whether it holds."""
        self._wait(float("inf") if seconds is None else max(seconds, 0.0), condition)
        return condition()

    def run(self, until: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Lets tasks go on, in the chosen order, until `stop` says so or the time is over. Raises StuckError."""
        while self.tasks and not stop():
            ready = [task for task in self.tasks if task.until <= self.now or (task.condition and task.condition())]
            if not ready:
                following = min(task.until for task in self.tasks)
                if following > until:
                    if following == float("inf"):
                        raise StuckError(", ".join(task.name for task in self.tasks))
                    self.now = until
                    return
                self.now = following
                continue
            task = ready[self.choices.below(len(ready))] if len(ready) > 1 else ready[0]
            self.switches += 1
            task.act.switch()
            if task.over and task in self.tasks:
                self.tasks.remove(task)

    def bury(self) -> None:
        """Ends all tasks that are left, so that nothing of them runs once the simulation is over."""
        for task in (*self.tasks, *self._graves):
            task.process.dead = True
            if not task.over and task.act:
                try:
                    task.act.throw(Dead)
                except Dead:
                    continue

    def _wait(self, seconds: float, condition: Callable[[], bool] | None) -> None:
        task = self.current
        if task.process.dead:
            raise Dead
        task.until, task.condition = self.now + seconds, condition
        self._hub.switch()
        if task.process.dead:
            raise Dead

    def _run(self, task: Task, act: Callable[[], Any]) -> None:
        try:
            act()
        except Dead:
            pass
        except BaseException as error:  # whoever started it looks at it
            task.error = error
        task.over = True

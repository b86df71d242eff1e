"""Everything flipgate raises on purpose, and what a script may conclude from it.

    FlipgateError               exit 1
    ├── BadInput                exit 2  what was typed or written down cannot be meant
    ├── Refused                 exit 1  looked, understood, and said no: has a reason (UpperCamelCase, treated as API)
    │   └── LostLease                   another actor has taken this application over
    ├── PermanentError          exit 1  trying the same again gives the same
    │   ├── NotFound                    the object is not there
    │   └── Forbidden                   the credentials may not do this
    ├── TemporaryError          exit 1  trying again makes sense: 429, 5xx, a time-out, a conflict
    │   ├── Conflict                    somebody else wrote first: read again, decide again
    │   └── Unreachable                 no answer came
    └── Interrupted             exit 1  stopped between two steps: the journal says where, reconcile goes on

Each says the same things in the same order: object, fact, what was left untouched, the next command. What is the same
for all that a block may raise is said once, by `about`.
"""

# These names are read aloud in `except` lines and messages; an Error suffix on each would only blur them.
# ruff: noqa: N818

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from flipgate.core.values.meanings import ENTRIES
from flipgate.core.values.reasons import Why
from flipgate.core.values.verdicts import Evidence

_SENTENCE_ENDS = (".", "!", "?", ":")


class FlipgateError(Exception):
    """The root of the tree; raise one of its children where one fits.

    `fact` is what is so, with its numbers; `obj` is what it is about ("Deployment production-green/api");
    `untouched` is what has not been changed; `next_command` is what to type next.
    """

    exit_code: ClassVar[int] = 1
    leaves: ClassVar[str] = ""
    """What such an error leaves untouched by its nature."""

    def __init__(self, fact: str, *, obj: str = "", untouched: str = "", next_command: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.obj = obj
        self.untouched = untouched or self.leaves
        self.next_command = next_command

    @property
    def named_fact(self) -> str:
        """The fact with what it is about, without what was left untouched and what to type."""
        return f"{self.obj}: {self.fact}" if self.obj else self.fact

    def __str__(self) -> str:
        parts = [_sentence(self.named_fact)]
        if self.untouched:
            parts.append(_sentence(f"Left untouched: {self.untouched}"))
        if self.next_command:
            parts.append(f"Next: {self.next_command}")
        return ("\n" if "\n" in self.fact else " ").join(parts)

    def __reduce__(self) -> tuple[Any, ...]:
        """Survives pickling (a flow's result may cross a process) whatever a child's constructor asks for."""
        return _rebuild, (type(self), self.args, dict(self.__dict__))


class BadInput(FlipgateError):
    """A file, an argument or an event that cannot be meant: correct it; nothing has been changed."""

    exit_code = 2
    leaves = "everything"


class Refused(FlipgateError):
    """flipgate looked and said no. `reason` is a word that scripts may rely on (docs/reasons.md).

    `evidence` is what the gates said, all of it, where they are what said no.
    """

    def __init__(
        self,
        fact: str,
        *,
        reason: Why,
        obj: str = "",
        untouched: str = "",
        next_command: str = "",
        evidence: tuple[Evidence, ...] = (),
    ) -> None:
        super().__init__(fact, obj=obj, untouched=untouched, next_command=next_command)
        self.reason = reason
        self.evidence = evidence


class LostLease(Refused):
    """Another actor holds this application's Lease now; whatever this one still wanted to write must not be written."""

    def __init__(
        self, fact: str, *, reason: Why = Why.LOST_LEASE, obj: str = "", untouched: str = "", next_command: str = ""
    ) -> None:
        super().__init__(fact, reason=reason, obj=obj, untouched=untouched, next_command=next_command)


class PermanentError(FlipgateError):
    """The world said no in a way that repeating does not change."""


class NotFound(PermanentError):
    """An object that was asked for by name is not there."""


class Forbidden(PermanentError):
    """The credentials in use may not do what was asked (401, 403)."""


class TemporaryError(FlipgateError):
    """Trying again makes sense."""


class Conflict(TemporaryError):
    """Somebody else wrote since the version that the decision rests on."""


class Unreachable(TemporaryError):
    """No answer: connection refused, name not found, time-out."""


class Silent(Unreachable):
    """It took the request, and did not answer in time: something smaller may be answered."""


class Interrupted(FlipgateError):
    """Stopped between two steps; the open journal entry says where, and `flipgate reconcile` finishes or backs out."""


@contextmanager
def about(application: str = "", *, obj: str = "", untouched: str = "", next_command: str = "") -> Iterator[None]:
    """Gives an error of ours that leaves the block, or the decorated function, what it lacks; what it has stays.

    `application` is its name: the object where no other is given, and in the command that the registry has for a
    refusal's reason. `untouched` is given to refusals alone: after a fault nobody knows.
    """
    try:
        yield
    except FlipgateError as error:
        error.obj = error.obj or obj or (f"application {application}" if application else "")
        if isinstance(error, Refused):
            error.untouched = error.untouched or untouched
            if application:
                next_command = next_command or ENTRIES[error.reason].command(application)
        error.next_command = error.next_command or next_command
        raise


def _sentence(text: str) -> str:
    return text if text.endswith(_SENTENCE_ENDS) else f"{text}."


def _rebuild(cls: type[FlipgateError], args: tuple[Any, ...], attributes: dict[str, Any]) -> FlipgateError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(attributes)
    return error

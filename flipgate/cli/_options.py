"""Options that verbs share, after kubectl's habits, and what they open."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flipgate.cli._print import echo
from flipgate.core.values.errors import BadInput
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.text import as_name, as_reason

if TYPE_CHECKING:
    from flipgate.adapters.cluster import Cluster
    from flipgate.core.values.who import Speaker
    from flipgate.steps.acting.world import World

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Function], Function]


@dataclass(frozen=True)
class ClusterOptions:
    """How to reach the cluster (kubeconfig, context), and the namespace where flipgate keeps its records."""

    kubeconfig: str | None
    context: str | None
    namespace: str

    def cluster(self) -> Cluster:
        """Connects to nothing yet. Raises BadInput for a kubeconfig or a context that cannot be used."""
        from flipgate.adapters.cluster import Cluster

        return Cluster.connect(self.kubeconfig, self.context)

    def world(self, application: str, cluster: Cluster | None = None, *, quiet: bool = False) -> World:
        """The world of one application; its steps speak on stderr unless `quiet`. Raises NotFound before `apply`.

        Quiet is for `-o json`: stderr holds nothing but the error object then.
        """
        from flipgate.adapters.store import Store
        from flipgate.steps.acting.world import World, default_actor

        cluster = cluster or self.cluster()
        store = Store(cluster, self.namespace, application)
        return World(cluster, store, store.application(), default_actor(), say=_nothing if quiet else say)


def say(text: str) -> None:
    """What happens meanwhile: on stderr, so that stdout holds the answer alone."""
    echo(text, err=True)


def say_rest(notes: Iterable[str], left: Iterable[str]) -> None:
    """What happened on the way, and what a person must still see to."""
    for note in notes:
        say(f"note: {note}")
    for each in left:
        say(f"left to you: {each}")


def _nothing(_text: str) -> None:
    return


def claimed() -> str:
    """Who the machine says is at the keyboard, user@machine: a claim, whatever it says."""
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or f"uid-{os.getuid()}"
    return as_name(f"{user}@{socket.gethostname()}")


def person(world: World) -> Speaker:
    """Who is at the keyboard, as decisions and releases name them: by their login at the cluster, else by `claimed`."""
    from flipgate.steps.looking.who import speaker

    return speaker(world.cluster, claimed())


def cluster_options(function: Callable[..., None]) -> Callable[..., None]:
    """--context, --kubeconfig and -n, handed to the verb as `options`."""

    @functools.wraps(function)
    def with_target(kubeconfig: str | None, context: str | None, namespace: str, **rest: Any) -> None:
        function(options=ClusterOptions(kubeconfig or None, context or None, namespace), **rest)

    options = (
        click.option(
            "-n",
            "--namespace",
            default="flipgate",
            show_default=True,
            metavar="NAME",
            help="flipgate's own namespace, where applications and records are kept.",
        ),
        click.option(
            "--kubeconfig", envvar="KUBECONFIG", show_envvar=True, metavar="PATH", help="The kubeconfig to use."
        ),
        click.option("--context", metavar="NAME", help="The kubeconfig's context to use; its current one otherwise."),
    )
    for option in options:
        with_target = option(with_target)
    return with_target


def output_option(*formats: str) -> Decorator[Any]:
    """-o FORMAT; text for people when left out."""
    return click.option(
        "-o", "--output", type=click.Choice(formats), default=None, help="Data instead of text for people."
    )


def reason_option(why: str, *, required: bool = True) -> Decorator[Any]:
    """--reason TEXT, which must say something where it is required."""
    return click.option("--reason", default="", metavar="TEXT", help=f"{why}{' (required)' if required else ''}.")


break_glass_option = click.option(
    "--break-glass",
    is_flag=True,
    help="Pass freezes, closed windows and the file's gates; with a --reason that everybody is told.",
)


def need_reason(verb: str, application: str, reason: str) -> str:
    """The reason, as UTF-8 can hold it. Raises BadInput when there is none, before anything is asked of anybody."""
    if not reason.strip():
        raise BadInput(
            "needs a reason: the next reader of the history will ask for it",
            obj=verb,
            next_command=" ".join(filter(None, ["flipgate", verb, application, '--reason "..."'])),
        )
    return as_reason(reason)


def need_glass(verb: str, application: str, reason: str, *, break_glass: bool) -> str:
    """The reason of a --break-glass; empty without that. Raises BadInput for one without the other."""
    if break_glass:
        return need_reason(f"{verb} --break-glass", application, reason)
    if reason:
        raise BadInput(
            "goes with --break-glass, and with nothing else",
            obj="--reason",
            next_command=f'flipgate {verb} {application} --break-glass --reason "..."',
        )
    return ""


image_option = click.option(
    "--image",
    "images",
    multiple=True,
    metavar="NAME=REF",
    help="A service and its new image, with tag or digest; may be given more than once.",
)


again_option = click.option(
    "--again",
    is_flag=True,
    help="Release these images although they are live: their tags were pushed anew. Their pods are made anew.",
)


def read_images(given: tuple[str, ...]) -> dict[str, str]:
    """NAME=REF arguments by name. Raises BadInput for another shape, or a name given twice."""
    images: dict[str, str] = {}
    for text in given:
        name, equals, ref = text.partition("=")
        if not (equals and name and ref):
            raise _bad(text, "is not NAME=REF, as in api-all=sportsdata/api:1.4.2")
        if name in images and images[name] != ref:
            raise _bad(text, f"names {name} a second time; the first was {images[name]}")
        images[name] = ref
    return images


def _bad(text: str, fact: str) -> BadInput:
    return BadInput(fact, obj=f'--image "{text}"', untouched="both sides")

"""Renders an overlay as kubectl does, by the kubectl program (or kustomize) of the place where flipgate runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from flipgate.adapters import programs
from flipgate.adapters.git_copy import TREE, Checkout
from flipgate.core.git.closure import follow
from flipgate.core.git.rendered import Rendered, lacks_a_remote, read_rendered
from flipgate.core.values.errors import BadInput, PermanentError, Unreachable
from flipgate.core.values.foreign import without_secrets
from flipgate.core.values.text import cut

PROGRAM_VARIABLE: Final = "FLIPGATE_KUSTOMIZE"
"""Names the program, where it is not the first kubectl or kustomize on the PATH."""
SECONDS: Final = 60.0
HANDED_ON: Final = (
    *("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""Of the worker's environment."""


def render_in(copy: Checkout, overlays: Sequence[str]) -> list[str]:
    """What each of these folders of the repository renders to. Only what they name is fetched for it; where that does
    not render, everything, and `copy` is of the branch's newest commit then. Raises as `render` and `Checkout` do."""

    def folders_among(paths: Collection[str]) -> list[str]:
        return [path for path, kind in copy.kinds(paths).items() if kind == TREE]

    def find(path: str) -> str | None:
        try:
            return copy.find(path)
        except PermanentError:
            return None  # a link, or no text: kustomize follows it, or says so

    if not copy.is_whole:
        follow(overlays, folders_among=folders_among, show=copy.show, find=find)
    try:
        return _as_it_is(copy, overlays)
    except BadInput:
        if copy.is_whole:
            raise
        copy.whole()
        return _as_it_is(copy, overlays)


def render_with(copy: Checkout, path: str, text: str, overlays: Sequence[str]) -> list[str]:
    """The same of folders that have been rendered, with another text in one file; it has its own again after that.
    Raises as `render` does."""
    own = copy.read(path)
    copy.write(path, text)
    try:
        return _as_it_is(copy, overlays)
    finally:
        copy.write(path, own)


def objects_in(copy: Checkout, overlay: str) -> Rendered:
    """The objects that a folder of the repository renders to. Raises as `render_in`, and as `read_rendered`."""
    (text,) = render_in(copy, [overlay])
    return read_rendered(text, overlay)


def _as_it_is(copy: Checkout, overlays: Sequence[str]) -> list[str]:
    return [render(copy.folder / each, each) for each in overlays]


def render(folder: Path, source: str) -> str:
    """What the kustomization in a folder renders to, as YAML. Nothing is fetched for it but what it names itself, and
    that without any credentials of this place; no plugin is run, no chart.

    Raises BadInput, with `source`, in kustomize's own words, PermanentError where neither program is there,
    Unreachable where there is no end to it, or the server of a remote base does not answer.
    """
    program = _program()
    verb = ["build"] if Path(program).name.startswith("kustomize") else ["kustomize"]
    try:
        code, out, err = programs.run_to_end([program, *verb, str(folder)], _environment(), timeout=SECONDS)
    except TimeoutError:
        raise Unreachable(f"had no end after {SECONDS:g} s", obj=f"rendering {source}") from None
    except programs.TooLong as error:
        raise BadInput(f"its rendering {error}", obj=source, untouched="the repository") from None
    except OSError as error:
        raise PermanentError(f"cannot be run here: {error.strerror}", obj=f"program {program}") from None
    if code:
        said = without_secrets(err.decode(errors="replace")).replace(str(folder), source).strip()
        if lacks_a_remote(said):
            raise Unreachable(f"does not render now: {cut(said, 600)}", obj=source, untouched="the repository")
        raise BadInput(f"does not render: {cut(said, 600)}", obj=source, untouched="the repository")
    return out.decode(errors="replace")


def _environment() -> dict[str, str]:
    """What the program is told of this place: how to find programs and trust servers, and nothing that lets it in
    anywhere. Remote bases are fetched by what stands in a repository, which is not to use the worker's tokens."""
    kept = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    own = {"HOME": os.devnull, "KUBECONFIG": os.devnull}  # a home in the copy would have the repository configure git
    git = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    return {**kept, **own, **git}


def _program() -> str:
    named = os.environ.get(PROGRAM_VARIABLE)
    found = named or shutil.which("kubectl") or shutil.which("kustomize")
    if not found:
        raise PermanentError(
            "is not installed here: overlays are rendered by it",
            obj="program kubectl",
            next_command=f"install kubectl or kustomize, or name it in {PROGRAM_VARIABLE}",
        )
    return found

"""Has people asked to merge where the routes lead, for a branch that takes requests alone; and makes a request empty
that would lead users elsewhere than they are."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from flipgate.adapters import programs
from flipgate.adapters.git_copy import Checkout
from flipgate.core.gates.command_check import Ended, NotStarted, told
from flipgate.core.git import agreement
from flipgate.core.git.request import about, branch_of, judge_request, last_url
from flipgate.core.git.routes import Told
from flipgate.core.record.intents import RequestMerge, WithdrawRequest
from flipgate.core.record.merge_request import MergeRequest
from flipgate.core.spec.program import FOLDER_VARIABLE
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput, Conflict, PermanentError, TemporaryError
from flipgate.core.values.sides import Side
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.looking.git import led_there
from flipgate.steps.moving.push import Files, note_commit

LEAST_SECONDS = 1.0
"""That a program has, however long Git took."""
BRANCHES = 9
"""How many names are tried for a request's branch."""


def request_merge(
    acting: Acting,
    copy: Checkout,
    changed: Files,
    story: Told,
    message: str,
    *,
    to: Side,
    until: float = inf,
) -> MergeRequest:
    """Pushes these files to a branch of flipgate's own and has the declared program open a request for it; returns the
    request. A branch that says so already is left as it is, and a request that is open for it is not opened again.

    The branch is made anew on a target that has moved where the files no longer fit; another name is taken for the
    first request where somebody has left such a branch. The program has ended by `until` (`world.monotonic()`). Raises
    Conflict for a request's branch with commits of somebody else's, TemporaryError or PermanentError where the program
    opens none, LostLease, and as `Checkout` does.
    """
    world = acting.world
    known = world.store.read().merge_request
    seen = _seen(copy, known.branch, changed) if known else _free(world, copy, changed, story, to)
    if known and seen.fits and known.commit == seen.tip:
        return known
    request = known or MergeRequest(branch=seen.branch, to=to, at=world.now())
    if seen.is_open and not seen.fits and seen.tip not in request.pushed:
        raise Conflict(
            f"has commits of somebody else's, and no longer fits {world.git_spec().branch}: bring it up to date, or "
            "delete it, and it is made anew",
            obj=f"branch {request.branch}",
        )
    begun = request
    with journal(
        acting, RequestMerge(to, request.branch), also=lambda record, _: but(record, merge_request=begun), again=True
    ) as entry:
        made = seen.tip if seen.fits else ""
        request = but(request, commit=made) if made else _push(acting, copy, changed, message, request, seen.tip)
        url = _ask(acting, request.branch, message, to, until)
        entry.outcome = f"commit {request.commit[:12]} on {request.branch}: {url or 'a request is open'}"
    request = but(request, url=url or request.url)
    write(world, partial(agreement.requested, request=request, now=world.now()))
    note_commit(world, story.release, story.what, request.commit)
    return request


def end_request(acting: Acting, copy: Checkout, traffic: Traffic, active: Side) -> None:
    """Ends a request whose word is in Git, or that would lead users away from where they are: its branch is moved to
    the target's newest commit, so that who merges it changes nothing. The target is looked at anew after that. One
    whose branch has commits of somebody else's is left, and over once its word has been in Git.

    Raises Conflict for such a one that leads elsewhere and was not merged, and as `Checkout` does.
    """
    world = acting.world
    request = world.store.read().merge_request
    if request is None:
        return
    seen, left = _seen(copy, request.branch, {}), False
    if seen.is_open:
        left = seen.tip not in request.pushed
        if left and request.to is not active and not _was_merged(world, copy, traffic, request):
            raise Conflict(
                f"has commits of somebody else's, so it is left: close {request.name}, which would lead users to "
                f"{request.to}, and delete its branch",
                obj=f"branch {request.branch}",
            )
        if not left:
            with journal(acting, WithdrawRequest(request.to, request.branch), again=True) as entry:
                acting.confirm_lease()
                copy.push_to(request.branch, copy.head, seen.tip)
                entry.outcome = f"{request.branch} is at {copy.head[:12]}, as {world.git_spec().branch}"
    write(world, partial(agreement.request_over, active=active, now=world.now(), left=left))
    copy.refresh()


class _Seen(NamedTuple):
    """A branch as it is now."""

    branch: str
    tip: str
    is_open: bool
    """Whether it has something to merge; it may have been merged before, too."""
    fits: bool
    """Whether it has that, and says what it is to say."""


def _seen(copy: Checkout, branch: str, changed: Files) -> _Seen:
    tip = copy.tip(branch)
    is_open = bool(tip) and not copy.has(tip)
    return _Seen(branch, tip, is_open, is_open and all(copy.at(tip, path) == text for path, text in changed.items()))


def _free(world: World, copy: Checkout, changed: Files, story: Told, to: Side) -> _Seen:
    """A branch for a new request on which nobody's work is: it is not there, has nothing to merge, or says the very
    same. One that an earlier request has left may have somebody's commits."""
    for number in range(1, BRANCHES + 1):
        seen = _seen(copy, branch_of(world.application.name, story, to, number), changed)
        if seen.fits or not seen.is_open:
            return seen
    raise Conflict(
        "has commits of somebody else's, as those with a lower number have: delete them", obj=f"branch {seen.branch}"
    )


def _was_merged(world: World, copy: Checkout, traffic: Traffic, request: MergeRequest) -> bool:
    """Whether the target has led users where the request does since its branch was made: it was merged by commits of
    their own (squashed, rebased)."""
    for commit in copy.changes_since(request.branch, world.git_spec().routes):
        with suppress(BadInput):  # somebody's mistake, mended since
            if led_there(world, copy, commit, traffic, request.to):
                return True
    return False


def _push(
    acting: Acting, copy: Checkout, changed: Files, message: str, request: MergeRequest, tip: str
) -> MergeRequest:
    """Pushes the branch from where it is seen to be. It is noted before that what is there then is flipgate's own."""
    for path, text in changed.items():
        copy.write(path, text)
    spec = acting.world.git_spec()
    commit = copy.commit(message, spec.author)
    request = but(request, pushed=(*(each for each in request.pushed if each == tip), commit))
    acting.world.store.update(lambda record: but(record, merge_request=request))
    acting.confirm_lease()
    copy.push_to(request.branch, commit, tip)
    acting.world.say(f"pushed {commit[:12]} to {request.branch} of {spec.repository}: {', '.join(changed)}")
    return but(request, commit=commit)


def _ask(acting: Acting, branch: str, message: str, to: Side, until: float) -> str:
    """Has the program open the request; returns the last address that it wrote."""
    world = acting.world
    spec, credentials = world.git_spec(), world.git_credentials()
    asked = spec.request
    assert asked is not None, "asked only where the file declares it"
    limit = max(LEAST_SECONDS, min(float(asked.timeout_seconds), until - world.monotonic()))
    program = programs.find_program(asked.command, os.environ)
    if isinstance(program, NotStarted):
        raise PermanentError(program.fact, obj=f"the merge request of branch {branch}")
    token = {"TOKEN": credentials.token} if credentials and credentials.token else {}
    facts = about(spec, world.application.name, branch, to, message) | token
    acting.confirm_lease()
    with TemporaryDirectory(prefix="flipgate-request-", ignore_cleanup_errors=True) as folder:
        environment, home = told(os.environ, folder, {}, "", facts), Path(os.environ[FOLDER_VARIABLE])
        found = programs.run(program, asked.command[1:], environment, home, timeout=limit, may_go_on=acting.check_lease)
    if credentials and isinstance(found, Ended):  # before anything is cut: a part of a token is not known as one
        found = found.saying(credentials.hidden)
    if problem := judge_request(found, limit):
        raise TemporaryError(problem, obj=f"{asked.command[0]}, which is to open the request of {branch}")
    return "" if isinstance(found, NotStarted) else last_url(found.output.text)

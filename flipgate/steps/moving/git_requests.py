"""Has people asked to merge where the routes lead, for a branch that takes requests alone; and makes a request empty
that would lead users elsewhere than they are."""

from __future__ import annotations

import os
from functools import partial
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

from flipgate.adapters import programs
from flipgate.adapters.git_copy import Checkout
from flipgate.core.gates.command_check import Ended, NotStarted, told
from flipgate.core.git import agreement
from flipgate.core.git.request import about, branch_of, judge_request, last_url
from flipgate.core.git.routes import Told
from flipgate.core.record.intents import RequestMerge, WithdrawRequest
from flipgate.core.record.merge_request import MergeRequest
from flipgate.core.spec.program import FOLDER_VARIABLE
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, PermanentError, TemporaryError
from flipgate.core.values.sides import Side
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.moving.push import Files, note_commit

LEAST_SECONDS = 1.0
"""That a program has, however long Git took."""


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

    The branch is made anew on a target that has moved where the files no longer fit. The program has ended by `until`
    (`world.monotonic()`). Raises Conflict for a branch with commits of somebody else's, TemporaryError or
    PermanentError where the program opens none, LostLease, and as `Checkout` does.
    """
    world = acting.world
    known = world.store.read().merge_request
    branch = known.branch if known else branch_of(world.application.name, story, to)
    tip = copy.tip(branch)
    open_still = bool(tip) and not copy.has(tip)  # or it was merged, and the files were led back since
    fits = open_still and all(copy.at(tip, path) == text for path, text in changed.items())
    if known and fits and known.commit == tip:
        return known
    if open_still and not fits and not _is_ours(world, copy, tip):
        raise Conflict(
            f"has commits of somebody else's, and no longer fits {world.git_spec().branch}: bring it up to date, or "
            "delete it, and it is made anew",
            obj=f"branch {branch}",
        )
    begun = known or MergeRequest(branch=branch, to=to, at=world.now())
    with journal(
        acting, RequestMerge(to, branch), also=lambda record, _: but(record, merge_request=begun), again=True
    ) as entry:
        commit = tip if fits else _push(acting, copy, changed, message, branch, tip)
        url = _ask(acting, branch, message, to, until)
        entry.outcome = f"commit {commit[:12]} on {branch}: {url or 'a request is open'}"
    request = but(begun, commit=commit, url=url or begun.url)
    write(world, partial(agreement.requested, request=request, now=world.now()))
    note_commit(world, story.release, story.what, commit)
    return request


def end_request(acting: Acting, copy: Checkout, active: Side) -> None:
    """Ends a request whose word is in Git, or that would lead users away from where they are: its branch is moved to
    the target's newest commit, so that who merges it changes nothing. The target is looked at anew after that.

    Raises Conflict for a branch that leads elsewhere and has commits of somebody else's, and as `Checkout` does.
    """
    world = acting.world
    request = world.store.read().merge_request
    if request is None:
        return
    tip = copy.tip(request.branch)
    if tip and not copy.has(tip):
        ours = _is_ours(world, copy, tip)
        if not ours and request.to is not active:
            raise Conflict(
                f"has commits of somebody else's, so it is left: close {request.name}, which would lead users to "
                f"{request.to}, and delete its branch",
                obj=f"branch {request.branch}",
            )
        if ours:
            with journal(acting, WithdrawRequest(request.to, request.branch), again=True) as entry:
                acting.confirm_lease()
                copy.push_to(request.branch, copy.head, tip)
                entry.outcome = f"{request.branch} is at {copy.head[:12]}, as {world.git_spec().branch}"
    write(world, partial(agreement.request_over, active=active, now=world.now()))
    copy.refresh()


def _is_ours(world: World, copy: Checkout, commit: str) -> bool:
    return copy.author_of(commit) == world.git_spec().author


def _push(acting: Acting, copy: Checkout, changed: Files, message: str, branch: str, tip: str) -> str:
    for path, text in changed.items():
        copy.write(path, text)
    spec = acting.world.git_spec()
    commit = copy.commit(message, spec.author)
    acting.confirm_lease()
    copy.push_to(branch, commit, tip)
    acting.world.say(f"pushed {commit[:12]} to {branch} of {spec.repository}: {', '.join(changed)}")
    return commit


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

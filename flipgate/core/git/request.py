"""A merge request: the name of its branch, what the program that opens it is told, and what its end says."""

from __future__ import annotations

import re
from typing import Final

from flipgate.core.gates.command_check import Ended, NotStarted, judge_command
from flipgate.core.git.routes import Told
from flipgate.core.spec.git import GitSpec
from flipgate.core.values.foreign import printable
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Verdict

_URL: Final = re.compile(r"https?://[^\s<>\"'`]+")
_LETS_IN: Final = re.compile(r"//[^/?#]*@")
_ALREADY: Final = "already exists"
"""What GitHub's, GitLab's and Gitea's servers say of a second request for one branch, and their programs with them."""
LONGEST_URL: Final = 500


def branch_of(application: str, told: Told, to: Side, number: int = 1) -> str:
    """Returns the name of the branch by which a move is asked for: one for each release and side, and with a `number`
    where somebody has left such a one."""
    release = f"{told.release}-" if told.release.strip("-") else ""
    return f"flipgate/{application}/{release}{to}{f'-{number}' if number > 1 else ''}"


def about(spec: GitSpec, application: str, branch: str, to: Side, message: str) -> dict[str, str]:
    """Returns what the program is told, each as FLIPGATE_KEY in its environment."""
    title, _, body = message.partition("\n")
    return {
        "APPLICATION": application,
        "SIDE": str(to),
        "REPOSITORY": spec.repository,
        "BRANCH": branch,
        "TARGET": spec.branch,
        "TITLE": title,
        "MESSAGE": body.strip(),
    }


def judge_request(found: Ended | NotStarted, timeout_seconds: float) -> str:
    """Returns why no request is open after the program has ended; empty where one is: it was opened, or was before."""
    verdict, fact = judge_command(found, timeout_seconds)
    already = isinstance(found, Ended) and not found.limit and _ALREADY in found.output.text.lower()
    return "" if verdict is Verdict.PASS or already else fact


def last_url(text: str) -> str:
    """Returns the last address that a program wrote, without what lets somebody in; empty without one."""
    found = _URL.findall(text)
    return printable(_LETS_IN.sub("//", found[-1]).rstrip(".,;:)]}"), LONGEST_URL) if found else ""

"""What git said when it failed, as one of our errors: whether trying again makes sense, and what to do."""

from __future__ import annotations

import re
from typing import Final

from flipgate.core.values.errors import (
    Conflict,
    FlipgateError,
    Forbidden,
    NotFound,
    PermanentError,
    TemporaryError,
    Unreachable,
)
from flipgate.core.values.foreign import printable, without_secrets
from flipgate.core.values.text import cut

LONGEST: Final = 600
"""Characters of what git said that are passed on."""
_UNTRUSTED: Final = re.compile(r"certificate verification failed|certificate problem|issuer certificate", re.I)
"""OpenSSL's and GnuTLS's words for a server whose certificate is by nobody that is trusted here."""
_NOISE: Final = ("hint:", "Please make sure you have the correct access rights", "and the repository exists")
_KINDS: Final[tuple[tuple[type[FlipgateError], re.Pattern[str]], ...]] = (
    (
        Conflict,
        re.compile(
            r"stale info|fetch first|non-fast-forward|cannot lock ref|incorrect old value|reference already exists",
            re.I,
        ),
    ),
    (
        Forbidden,
        re.compile(
            r"authentication failed|could not read (username|password)|terminal prompts disabled|permission denied"
            r"|access denied|returned error: 40[13]|host key verification failed|protected branch|pre-receive hook "
            r"declined|not allowed to push|deploy key|permission to \S+ denied|marked as read only|archived so it is "
            r"read-only|not permitted|repository rule violations|push declined|ssh (key|certificate) has expired"
            r"|saml sso",
            re.I,
        ),
    ),
    (
        NotFound,
        re.compile(
            r"couldn't find remote ref|repository not found|not found|does not appear to be a git repository"
            r"|returned error: 404|not our ref|no such ref|unadvertised object",
            re.I,
        ),
    ),
    (
        Unreachable,
        re.compile(
            r"could not resolve|couldn't connect|failed to connect|connection (refused|reset|closed)|timed out"
            r"|early eof|hung up|rpc failed|returned error: (429|5\d\d)|network is unreachable|no route to host"
            r"|unable to access|operation too slow|tls|ssl",
            re.I,
        ),
    ),
)
"""By the first that is found in it: git has exit codes for none of these (git 2.30 to 2.50)."""


def explain(command: str, said: str, obj: str, code: int) -> FlipgateError:
    """Returns the error that git's words mean. One that is not known is a fault: trying again may help."""
    lines = [line.strip("@ \t\r") for line in without_secrets(said).splitlines() if not line.startswith(_NOISE)]
    lines = [printable(line, LONGEST) for line in lines if line]
    fact = cut(f"git {command}: {'; '.join(lines) or f'exit code {code}, and no word'}", LONGEST)
    if _UNTRUSTED.search(said):
        return PermanentError(f"{fact}; the file of the authority to trust can be named in GIT_SSL_CAINFO", obj=obj)
    for kind, pattern in _KINDS:
        if pattern.search(said):
            return kind(fact, obj=obj)
    kind = TemporaryError if command in ("fetch", "ls-remote", "push") else PermanentError
    return kind(fact, obj=obj)

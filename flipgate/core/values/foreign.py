"""What others send: their JSON, which may be anything, and how little of it is shown to people."""

from __future__ import annotations

import json
import re
from typing import Any

from flipgate.core.values.errors import FlipgateError

LONGEST_SHOWN = 80
SENTENCE_SHOWN = 500
"""Of what Kubernetes says itself: its reasons stand at the end of its sentences."""


_WORD = (
    r"(?: password|passwd|pwd|passphrase|(?<![a-z])pass(?![a-z])|secret|token|credential|signature|(?<=[?&])sig"
    r"|(?<![a-z]) (?: pg|db|my|mysql|sql|redis|mq|smtp|ftp|ssh|user|root|admin ) pass(?![a-z])|(?<![a-z])salt(?![a-z])"
    r"|api[-_]?key|access[-_]?key|account[-_]?key|private[-_]?key|authorization ) [\w-]{0,20}"
)
_SAYS = r"""["']? \s{0,9} [=:] \s{0,9}"""
_OPTION = r"-- [\w-]{0,20} (?: password|passwd|passphrase|secret|token|key )"
_ISSUED = r"gh[pousr]_ | github_pat_ | glpat- | xox[a-z]- | [rs]k_(?:live|test)_ | (?-i: A[KS]IA ) (?= [a-z\d]{16} )"
_KEYED = r"(?: [_-]key | (?-i: [a-z]Key ) )"
_LIKE_A_KEY = r"""(?! / ) (?= [^\s\d"',;]{0,99} \d ) (?= [^\sa-z"',;]{0,99} [a-z] ) [\w+/=.:-]{16,500}"""
_MIXED = r"(?= [^a-z]{0,63} [a-z] ) (?= [^A-Z]{0,63} [A-Z] )"
_SECRET = (
    r"(?ix) ( -----BEGIN [A-Z\s]{0,30} PRIVATE\sKEY----- ) (?s: (?! -----END ) . ){1,8000}"
    rf"| ( (?<![\w+/=.-]) ) (?-i: {_MIXED} [A-Za-z\d+/]{{64}} ) (?! [\w+/.-] )"
    r"| ( :// [^\s/:@]{0,100} : ) \S{1,200} (?= @ )"
    rf"""| ( {_WORD} (?: {_SAYS} | \s ) " ) (?: [^"\\] | \\. ){{1,500}}"""
    rf"""| ( {_WORD} (?: {_SAYS} | \s ) ' ) (?: [^'\\] | \\. ){{1,500}}"""
    rf"""| ( {_WORD} {_SAYS} (?:bearer\s|basic\s)? ) [^\s,;"']{{1,500}}"""
    rf"| ( {_OPTION} \s ) \S{{1,500}}"
    rf"""| ( {_OPTION} " \s{{0,9}} , \s{{0,9}} " ) (?: [^"\\] | \\. ){{1,500}}"""
    rf"""| ( {_OPTION} ' \s{{0,9}} , \s{{0,9}} ' ) (?: [^'\\] | \\. ){{1,500}}"""
    rf"""| ( {_KEYED} {_SAYS} ["']? ) {_LIKE_A_KEY}"""
    rf"| ( \b (?: {_ISSUED} ) ) [\w-]{{8,255}}"
    r"| ( (?<![\w.-]) [\w.-]{1,100} : ) \S{1,200} (?= @ (?: tcp|udp|unix ) [46]? [(] )"
    r"| ( \b (?:bearer|basic) \s ) [\w.~+/=-]{8,500}"
    r"| ( \b ) eyJ [\w-]{5,2000} \. [\w.-]{1,2000}"
)
"""A private key and a line of one, a URL's password and a MySQL address's, what follows a word like `token=`, up to the
end of its quotes, and an option like `--token`, what looks like a key behind a name that ends in key, what an HTTP
client shows to say who it is, a signed token, and what begins as those do that GitHub, GitLab, Slack, Stripe and AWS
issue. Each alternative has one group: what stays."""


class NotJson(ValueError):  # noqa: N818 - an answer, not a fault
    """It is no JSON, or JSON that Python cannot hold: nested too deep, a number of too many digits."""


def parse_json(text: str | bytes) -> Any:
    """The value. Raises NotJson, and nothing else, whatever it is given."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotJson(type(error).__name__) from error


def kind_of(value: Any) -> str:
    """What a JSON value is, in JSON's words."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def shown(value: Any) -> str:
    """A value out of somebody's JSON as a few characters that can be printed and stored."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = f"a {type(value).__name__}, nested too deep to be shown"
    return printable(text)


def printable(text: str, longest: int = LONGEST_SHOWN) -> str:
    """A few characters of somebody's text on one line, without any that a terminal obeys or UTF-8 does not have."""
    short = text if len(text) <= longest else f"{text[: longest - 3]}..."
    return "".join(char if char.isprintable() else "?" for char in short)


def without_secrets(text: str) -> str:
    """Somebody's text with *** in the place of what looks like a secret: what a program writes when it fails may name
    what it failed with."""
    return re.sub(_SECRET, lambda found: f"{found[found.lastindex or 0]}***", text)


def fault(error: Exception) -> str:
    """What kept something from being asked: one of our own errors by its fact, any other by its kind alone, for its
    words may be anybody's."""
    return error.fact if isinstance(error, FlipgateError) else type(error).__name__


def sentence(error: Exception) -> str:
    """The same, with all that our own errors say."""
    return str(error) if isinstance(error, FlipgateError) else fault(error)

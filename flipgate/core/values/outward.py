"""Other people's text on its way out: one function for each place that it goes to, which makes it harmless there.

Reasons, names, what pods, Events, git and Flux say, log lines, image tags: anybody may have written them, and each
place obeys something else. What comes in is made valid and bounded before (`core/values/text.py`); what has not come
in by a record is no better for being looked at once only, so these assume nothing.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from flipgate.core.values.text import MARK, valid

STYLES: Final = frozenset({"\x1b[0m", "\x1b[1m", "\x1b[31m"})
"""All that flipgate has a terminal do: back to plain, bold, red. They hide nothing, and move nothing."""
_STYLED: Final = re.compile(r"(\x1b\[(?:0|1|31)m)")
_FOR_SLACK: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"})
_FOR_MARKDOWN: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {char: f"\\{char}" for char in "\\`*_[]|~$"}
)
_BEGINS_A_BLOCK: Final = re.compile(r"^([#+=-]|[0-9]+[.)])")


def one_line(text: str) -> str:
    """For a line of a log or of a table, an Event, a field of a form: without line ends, and without all that a
    terminal obeys."""
    return " ".join(valid(text).split())


def terminal(text: str) -> str:
    """For a terminal: lines stay lines, and of all that a terminal obeys there is nothing but our own few styles."""
    return "".join(part if part in STYLES else valid(part) for part in _STYLED.split(text))


def json_text(text: str) -> str:
    """JSON, or YAML in JSON's manner, for a terminal: the same data, with each character that is not printed as it is
    written as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)


def slack(text: str, longest: int) -> str:
    """For Slack's mrkdwn: nobody is called, nothing is a link, no block of code is opened
    (https://docs.slack.dev/messaging/formatting-message-text#escaping). At most `longest` characters of it, as they are
    sent."""
    shown = valid(text)
    whole = shown.translate(_FOR_SLACK)
    if len(whole) <= longest:
        return whole
    room, kept = longest - len(MARK), []
    for each in (char.translate(_FOR_SLACK) for char in shown):
        room -= len(each)
        if room < 0:
            break
        kept.append(each)
    return "".join(kept) + MARK


def slack_link(url: str, label: str) -> str:
    """A link in Slack's mrkdwn; empty where the address is none that a browser opens, or could end the link."""
    return f"<{url.replace('&', '&amp;')}|{label}>" if is_web_address(url) else ""


def is_web_address(url: str) -> bool:
    """Whether it is one of http or https, and nothing but that."""
    if not url.isprintable() or set(url) & set(" <>|\"'`\\()[]"):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def markdown(text: str) -> str:
    """For Markdown within a line, a cell of a table too: no HTML, link, image, code or block of any kind
    (https://spec.commonmark.org/0.31.2/#backslash-escapes, #entity-and-numeric-character-references)."""
    escaped = one_line(text).translate(_FOR_MARKDOWN)
    return _BEGINS_A_BLOCK.sub(lambda found: f"{found[1][:-1]}\\{found[1][-1]}", escaped)


def markdown_code(text: str, language: str) -> str:
    """A block of code in Markdown, that nothing within it ends."""
    body = valid(text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    return f"{fence}{language}\n{body}\n{fence}"


def _escaped(char: str) -> str:
    number = ord(char)
    if number < 0x10000:
        return f"\\u{number:04x}"
    number -= 0x10000
    return f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}"

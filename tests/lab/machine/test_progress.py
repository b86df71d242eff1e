"""What a person sees while the lab is built and started."""

from __future__ import annotations

import io

from lab.machine.progress import Printer


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_away_from_a_terminal_each_line_stands() -> None:
    stream = io.StringIO()
    with Printer(stream) as tell:
        tell("traefik: compiled 1 of 2")
        tell("traefik: compiled 2 of 2")
    assert stream.getvalue() == "traefik: compiled 1 of 2\ntraefik: compiled 2 of 2\n"


def test_on_a_terminal_a_line_replaces_the_one_before_of_the_same_subject() -> None:
    stream = _Terminal()
    with Printer(stream) as tell:
        tell("traefik: 1")
        tell("traefik: 2")
        tell("lab: 1")
    assert stream.getvalue() == "traefik: 1\r\x1b[2Ktraefik: 2\nlab: 1\n"


def test_a_line_does_not_wrap() -> None:
    stream = _Terminal()
    with Printer(stream) as tell:
        tell("x" * 5000)
    assert len(stream.getvalue()) < 5000

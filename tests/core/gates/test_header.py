"""What is wrong with an answer that should name a side, and does not."""

from __future__ import annotations

import pytest

from flipgate.core.gates.header import NAMES_SHOWN, judge_header
from flipgate.core.values.answer import Answer
from tests.core.builders import BLUE

HEADER = "X-Served-Side"
MANY = {f"x-{n:02}": "1" for n in range(NAMES_SHOWN + 2)}


def answer(status: int = 200, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"", 0.01)


def test_an_answer_that_names_the_side_is_fine_whatever_its_status() -> None:
    assert judge_header(answer(x_served_side="blue"), HEADER, BLUE) is None
    assert judge_header(answer(500, x_served_side="blue"), HEADER, BLUE) is None


@pytest.mark.parametrize(
    ("given", "reason", "said", "passing"),
    [
        (answer(x_served_side="green"), "OtherSideAnswers", "X-Served-Side: green, while the routes name blue", True),
        (answer(x_served_side="Blue"), "HeaderNamesNoSide", 'X-Served-Side: "Blue", which is no side', False),
        (answer(x_served_side="Blue"), "HeaderNamesNoSide", '(did you mean "blue"?)', False),
        (answer(x_served_side="v2"), "HeaderNamesNoSide", 'its value has to be "blue" or "green"', False),
        (answer(x_served_sid="b1"), "HeaderMissing", "x-served-sid: b1 came, did you mean that?", False),
        (answer(x_colour="blue", x_served_sid="b1"), "HeaderMissing", "x-colour: blue came, did you mean", False),
        (answer(404, x_served_sid="blue"), "HeaderMissing", "x-served-sid: blue came", False),
        (
            answer(server="nginx", date="x"),
            "HeaderMissing",
            "by a middleware of the route? What came: date, serv",
            False,
        ),
        (Answer(200, MANY, b"", 0.1), "HeaderMissing", "x-07 and 2 more", False),
        (answer(), "HeaderMissing", "HTTP 200 without header X-Served-Side: misspelt, or taken off", False),
        (
            answer(404),
            "HeaderMissing",
            "HTTP 404 without header X-Served-Side: Traefik itself answers so where no",
            True,
        ),
        (answer(503), "HeaderMissing", "where no pod is behind the route", True),
    ],
)
def test_what_is_wrong_is_said_with_what_came(given: Answer, reason: str, said: str, passing: bool) -> None:
    found = judge_header(given, HEADER, BLUE)
    assert found
    assert (found.reason, found.passing) == (reason, passing)
    assert said in found.fact

"""What the log of a run shows of a refusal: one line, and no traceback."""

from __future__ import annotations

import logging

import pytest

from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from tasks.one_line import LOGGERS

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds
NO = Refused(
    "is not Ready: web 0 of 2", obj="side green", reason=Why.WAY_BACK_NOT_READY, next_command="flipgate status shop"
)


def logged(caplog: pytest.LogCaptureFixture, logger: str, error: Exception, said: str, *more: object) -> str:
    """What a formatter makes of it: Prefect's loggers hand nothing on to the root's."""
    from prefect.logging.loggers import get_logger

    from tasks.policy import step

    assert step, "whoever imports steps has this installed"
    found = get_logger(logger.removeprefix("prefect."))
    found.addHandler(caplog.handler)
    try:
        raise error
    except Exception:
        found.error(said, *more, exc_info=True, extra={"send_to_api": False})
    finally:
        found.removeHandler(caplog.handler)
    return logging.Formatter().format(caplog.records[-1])


@pytest.mark.parametrize("logger", LOGGERS)
def test_a_refusal_is_one_line_with_what_to_type(caplog: pytest.LogCaptureFixture, logger: str) -> None:
    for said, more in (("Encountered exception during execution: %r", (NO,)), ("Engine execution exited", ())):
        line = logged(caplog, logger, NO, said, *more)
        assert "\n" not in line
        assert line.endswith(str(NO)), line
        assert line.count("web 0 of 2") == 1


def test_a_bug_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    assert "Traceback" in logged(caplog, LOGGERS[0], ValueError("a bug"), "Encountered exception: %r", "x")

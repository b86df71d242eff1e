"""What did not pass is in the message that asks, however much of it there is."""

from __future__ import annotations

from flipgate.core.record import approvals
from flipgate.core.record.release import DETAIL_KEPT, frozen
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import DARK, question, record, release


def posed(*found: tuple[str, Verdict]) -> str:
    """The message of a question that shows these gates."""
    evidence = frozen(Evidence(gate, verdict, "what", "whom", "found", "wanted") for gate, verdict in found)
    return approvals.pose(record(release=release(*DARK)), question(evidence=evidence)).outbox[-1].text


def test_the_message_names_what_failed_and_what_is_unknown_and_nothing_else() -> None:
    said = posed(
        ("web", Verdict.PASS), ("other routes", Verdict.FAIL), ("busy", Verdict.INFO), ("api", Verdict.UNKNOWN)
    )
    assert "Not passed: other routes: fail; api: unknown. No decision before" in said
    assert "Not passed" not in posed(("web", Verdict.PASS))


def test_of_very_many_only_so_much_is_said() -> None:
    many = [(f"gate-{number}", Verdict.FAIL) for number in range(500)]
    listed = posed(*many).partition("Not passed: ")[2].partition(" No decision")[0]
    assert len(listed) == DETAIL_KEPT + 1

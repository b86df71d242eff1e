"""`flipgate history -o junit`, from the cluster alone."""

from __future__ import annotations

from xml.etree import ElementTree

from flipgate.core.record.phases import Phase
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.note_dark import note_dark
from tests.api.desk import Desk
from tests.api.shop import Shop, opened

SUITE = Evidence("suite", Verdict.PASS, "suite", "green", "exit code 0 after 3.5 s", "exit code 0", "\x1b[32mok\n", 3.5)


def test_a_release_is_printed_as_junit_and_the_list_of_them_is_not(shop: Shop) -> None:
    world: World = shop.adopted()
    release = opened(world)
    with world.acting() as acting:
        assert note_dark(acting, release, [SUITE]).phase is Phase.DARK
    printed = Desk(shop).run("history", shop.name, release.name, "-o", "junit")
    assert printed.exit_code == 0
    case = ElementTree.fromstring(printed.stdout).find("testsuite/testcase")
    assert case is not None
    assert (case.get("name"), case.get("time")) == ("suite", "3.500")
    assert (case.findtext("system-out") or "").endswith("?[32mok\n")
    assert "<?xml" in printed.stdout.splitlines()[0]
    refused = Desk(shop).run("history", shop.name, "-o", "junit")
    assert refused.exit_code == 2

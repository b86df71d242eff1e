"""The crash walk: which process is killed at which entry of the journal, and where its application is after that.

One row for each entry of each pipeline. `tests/core/steps/test_crash_walk.py` holds it against the code: whoever writes
an entry of a new kind, or in a new place, has to say here which crash of it is rehearsed on the lab.
"""

from __future__ import annotations

from dataclasses import dataclass

from flipgate.core.record.database_intents import (
    CONTRACT_DATABASE,
    DROP_CLONE,
    EXPAND_DATABASE,
    LEAVE_CLONES,
    MAKE_CLONE,
    REVERT_DATABASE,
)
from flipgate.core.record.intents import (
    BRING_UP,
    COMMIT_IMAGES,
    COMMIT_ROUTES,
    COPY_OBJECTS,
    HAND_OVER,
    MOVE_ROUTES,
    RELEASE_ROUTES,
    REQUEST_MERGE,
    REST_SIDE,
    RESTORE_LIVE_SIDE,
    REVERT_IMAGES,
    RUN_HOOK,
    SET_MAINTENANCE,
    START_JOB,
    WITHDRAW_REQUEST,
)
from flipgate.core.record.phases import Phase
from flipgate.core.record.pipelines import DEPLOY_DARK, FLIP_TRAFFIC, RECONCILE, ROLL_BACK, SCALE_DOWN
from flipgate.core.traffic.dark_preview import DARK_PREVIEW
from flipgate.core.traffic.preview import PREVIEW_ROUTE


@dataclass(frozen=True)
class Crash:
    """A process of `pipeline` dies at both edges of its entry of this `step`, which `writer` writes (a module below
    flipgate/steps); the phases in which it is left, and those in which reconcile leaves it: begun, done."""

    pipeline: str
    step: str
    writer: str
    left: tuple[Phase, Phase]
    reconciled: tuple[Phase, Phase]
    flow: bool = False
    """Whether it is a flow run that dies, and reconcile's own run that goes on. Prefect's processes take
    seconds each: for the others it is the same steps in a plain process (tests/lab/runbook.py)."""

    @property
    def id(self) -> str:
        """The test's name."""
        return f"{self.pipeline}-{self.step}"


def _both(phase: Phase) -> tuple[Phase, Phase]:
    return phase, phase


DARK, FLIPPING, BAKING, LIVE, BACK = Phase.DARK, Phase.FLIPPING, Phase.BAKING, Phase.LIVE, Phase.ROLLING_BACK

WALK = (
    Crash(DEPLOY_DARK, BRING_UP, "releasing/bring_up.py", _both(Phase.DEPLOYING), _both(DARK), flow=True),
    Crash(DEPLOY_DARK, START_JOB, "moving/jobs.py", _both(Phase.DEPLOYING), _both(DARK)),
    Crash(DEPLOY_DARK, DARK_PREVIEW, "moving/dark_preview.py", _both(DARK), _both(DARK)),
    Crash(FLIP_TRAFFIC, PREVIEW_ROUTE, "moving/preview.py", _both(DARK), _both(LIVE)),
    Crash(FLIP_TRAFFIC, MOVE_ROUTES, "moving/move.py", _both(FLIPPING), (DARK, LIVE), flow=True),
    Crash(FLIP_TRAFFIC, HAND_OVER, "moving/hand_over.py", _both(BAKING), _both(LIVE)),
    Crash(SCALE_DOWN, REST_SIDE, "moving/rest.py", _both(Phase.SETTLING), _both(Phase.SETTLED)),
    Crash("abort", REST_SIDE, "moving/rest.py", _both(Phase.SETTLED), _both(Phase.SETTLED)),
    Crash(RECONCILE, RESTORE_LIVE_SIDE, "going_back/live_side.py", _both(LIVE), _both(LIVE)),
    Crash(
        ROLL_BACK,
        MOVE_ROUTES,
        "going_back/roll_back.py",
        _both(BACK),
        _both(Phase.ROLLED_BACK),
        flow=True,
    ),
    Crash(ROLL_BACK, HAND_OVER, "moving/hand_over.py", _both(BACK), _both(Phase.ROLLED_BACK)),
)
"""`abort` is a rollback of what nobody has seen: that release is no longer open, so the phase is `settled`."""

BY_SEARCH = frozenset({("going_back/hand_back.py", HAND_OVER)})
"""Of a way back to a named side without a release: one write closes the move's entry and opens the hand-over's, and who
dies after it is in tests/simulation/test_found.py."""

BY_GIT = (
    Crash(DEPLOY_DARK, COMMIT_IMAGES, "moving/git_images.py", _both(Phase.DEPLOYING), _both(DARK)),
    Crash(FLIP_TRAFFIC, COMMIT_ROUTES, "moving/git_routes.py", _both(BAKING), _both(LIVE)),
    Crash(FLIP_TRAFFIC, RELEASE_ROUTES, "moving/git_routes.py", _both(BAKING), _both(LIVE)),
)
"""Of an application whose overlays and routes are in Git: walked to with Flux at work, in tests/lab/flux/test_crash.py;
to both sides of the push itself in tests/api/releasing/test_by_git_crashes.py."""

BY_WORD = frozenset({("going_back/put_side_right.py", RESTORE_LIVE_SIDE)})
"""On a person's word, who types it again: tests/api/going_back/test_put_side_right.py."""

BY_REQUEST = frozenset({("moving/git_requests.py", REQUEST_MERGE), ("moving/git_requests.py", WITHDRAW_REQUEST)})
"""Of an application whose branch takes merge requests alone: tests/api/moving/test_git_requests.py."""

BY_HOOK = frozenset({("releasing/run_hooks.py", RUN_HOOK)})
"""Of an application with hooks that are no Jobs: tests/api/releasing/test_run_hooks.py."""

BY_REVERT = frozenset({("moving/git_revert.py", REVERT_IMAGES)})
"""Of a release that has ended, by reconcile: tests/api/releasing/test_by_git_reverts.py."""

BY_DATABASE = frozenset(
    {
        ("releasing/migrate.py", EXPAND_DATABASE),
        ("releasing/contract_database.py", CONTRACT_DATABASE),
        ("releasing/contract_database.py", REVERT_DATABASE),
        ("releasing/clones.py", MAKE_CLONE),
        ("releasing/clones.py", LEAVE_CLONES),
        ("releasing/clones.py", DROP_CLONE),
    }
)
"""Of an application that declares a database: killed on a real PostgreSQL, in tests/api/releasing/test_expand.py,
test_contract_database.py and test_clones.py. Who takes an expansion back types it again: its entry changes nothing but
the ledger."""
BY_FLAG = frozenset({("moving/maintenance.py", SET_MAINTENANCE)})
"""Of an application with a maintenance flag: tests/api/moving/test_maintenance.py."""

BY_PARITY = frozenset({("moving/copy_objects.py", COPY_OBJECTS)})
"""Of an application that declares what is copied: between two objects, in tests/api/moving/test_copy_objects.py."""

BY_PULLING = frozenset({("releasing/pre_pull.py", START_JOB)})
"""Of an application whose images are pulled ahead: between making its Jobs and letting them run, in
tests/api/releasing/test_pre_pull.py."""

BETWEEN = (
    Crash(FLIP_TRAFFIC, str(BAKING), "releasing/flip.py", _both(FLIPPING), _both(LIVE)),
    Crash(FLIP_TRAFFIC, str(LIVE), "releasing/flip.py", _both(BAKING), _both(LIVE)),
)
"""Deaths that leave no entry open: while users are proven to be there, and while they are watched. The process dies
right before this phase is written."""

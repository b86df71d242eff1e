"""The command line: one file for each verb.

Looking, deciding and going back act here, in this process; deploying, flipping and scaling down start Prefect runs.
A verb's module imports nothing heavy at its top, so that `--help` answers at once.
"""

from __future__ import annotations

import gc

from flipgate.cli._commands import Root

VERBS = {
    "demo": "The whole story on a real Kubernetes on this machine.",
    "lab": "A real Kubernetes on this machine: up, down, status, logs.",
    "draft": "Draft a first application file from what runs.",
    "check": "Check an application's file, alone or against the cluster.",
    "apply": "Write an application's file to the cluster.",
    "adopt": "Take what runs as settled: from then on it is managed.",
    "init": "Say that nothing runs yet: before a first release ever.",
    "status": "Where traffic is, what happens, who is waited for.",
    "deploy": "Bring new images up on the dark side (a Prefect run).",
    "flip": "Ask for, and make, the move of all users (a Prefect run).",
    "approve": "Say yes to the open question.",
    "reject": "Say no to the open question.",
    "slack": "Hear the buttons of messages in Slack, until stopped.",
    "freeze": "Stop moves, of one application or of all; never a rollback.",
    "thaw": "Let moves begin again.",
    "rollback": "Send all users back; needs nothing but the cluster.",
    "restore": "Put back what others changed of the routes and the live side.",
    "contract": "Contract a database, or say that one was: no way back to the code before.",
    "revert": "Take the newest expansion of a database back.",
    "scale-down": "Put the old side to rest after its soak (a Prefect run).",
    "extend": "Keep the old side up as the way back for longer.",
    "history": "The finished releases, or the whole story of one.",
    "gate": "Try the gates: their numbers now, and over the last day.",
    "event": "Send the events that start pipelines.",
}

cli = Root(
    name="flipgate",
    verbs=VERBS,
    package="flipgate.cli",
    help="Releases a whole Kubernetes environment at once, blue to green, with a way back.",
    examples="""\
    flipgate demo                                            see it all on this machine
    flipgate draft blue-namespace green-namespace            a first file, from what runs
    flipgate check -f flipgate.yaml --offline                is the file right?
    flipgate apply -f flipgate.yaml                          tell the cluster
    flipgate adopt sportsdata                                take what runs as settled
    flipgate deploy sportsdata --image api-all=sportsdata/api:2  prepare a release
    flipgate status sportsdata --watch                       look
    flipgate approve sportsdata --reason "checked by hand"   decide
    flipgate rollback sportsdata --reason "orders fail"      go back""",
)


LITTLE_GARBAGE = 200_000
"""New objects between two searches for garbage: what is imported stays, and would be looked through a hundred times
while somebody waits for the first request, a tenth of that time."""


def main() -> None:
    """The console script. Exit codes: 0 done, 1 refused or failed, 2 usage."""
    gc.set_threshold(LITTLE_GARBAGE)
    cli.main(prog_name="flipgate")

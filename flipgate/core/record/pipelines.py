"""The pipelines' names. Runs, their deployments and the record call them so."""

from __future__ import annotations

from typing import Final

DEPLOY_DARK: Final = "deploy-dark"
FLIP_TRAFFIC: Final = "flip-traffic"
SCALE_DOWN: Final = "scale-down"
ROLL_BACK: Final = "roll-back"

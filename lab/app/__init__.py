"""The sample application: what every image of the `sportsdata/` repositories runs as in the lab."""

from lab.app.behaviour import Behaviour, Image, behaviour_of, parse_behaviours, parse_image
from lab.app.server import AppServer
from lab.app.web import Identity, SampleApp

__all__ = [
    "AppServer",
    "Behaviour",
    "Identity",
    "Image",
    "SampleApp",
    "behaviour_of",
    "parse_behaviours",
    "parse_image",
]

"""Going forward: from a build to the end of its release."""

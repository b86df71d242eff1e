"""Forward: from a build to the end of its release."""

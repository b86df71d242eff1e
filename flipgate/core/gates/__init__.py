"""Questions asked of the world, and their verdicts."""

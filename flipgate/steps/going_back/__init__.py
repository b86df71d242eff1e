"""Back to the side that users came from. Knows nothing of releasing."""

"""Going back to the side that users came from. Imports nothing of releasing."""

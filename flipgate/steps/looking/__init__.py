"""Reading the world. Nothing here writes."""

"""Plain values that everything else is made of. Imports nothing of core."""

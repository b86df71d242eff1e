"""Watching the side that users are on. It never moves anything."""

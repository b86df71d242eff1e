"""Connections an operator fills in once."""

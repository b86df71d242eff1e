"""A first application file, drafted from what runs: facts, decisions about routes and services, and the file's text."""

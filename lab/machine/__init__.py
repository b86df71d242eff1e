"""What a local program needs of the machine it runs on: folders, locks, processes, and a person who waits."""

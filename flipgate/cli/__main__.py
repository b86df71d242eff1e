"""`python -m flipgate.cli`, for places where the console script is not installed."""

from flipgate.cli import main

main()

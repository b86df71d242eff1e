"""The steps as Prefect tasks: policies only."""

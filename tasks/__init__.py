"""The steps as Prefect tasks: policies only (retries, names, no caching) and artifacts; no bodies."""

"""A Git server as a pod of the lab, and what makes its commits known to Flux."""

"""What the cluster remembers of an application, and every change to it."""

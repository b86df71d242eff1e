"""The programs that make a Kubernetes: built, called, given rights, set apart from the machine and watched."""

"""The command line: one file for each verb."""


def main() -> None:
    """Placeholder until the verbs land."""

"""What is played on a lab: the example application, and the demo."""

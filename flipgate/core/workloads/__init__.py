"""What a side is made of and runs."""

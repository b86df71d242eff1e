"""What a team writes down of its application."""

"""What flipgate changes in a Git repository's files, and what it finds in them."""

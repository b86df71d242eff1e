"""What flipgate must be allowed to do for one application: the rules, who holds which, and how they are written."""

"""Whether users could go back, and whether what is agrees with what is remembered."""

"""The real steps and flows in a simulated world, one request at a time, in orders that nobody chose."""

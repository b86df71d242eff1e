"""Who acts: the World, the journal, and telling people."""

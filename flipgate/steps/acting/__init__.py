"""Who acts on an application: the World, the authority to write, the journal, the outbox."""

"""Features of what never trains: computed once, and kept on disk."""

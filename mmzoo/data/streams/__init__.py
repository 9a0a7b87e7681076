"""Records that come one after another and may never end."""

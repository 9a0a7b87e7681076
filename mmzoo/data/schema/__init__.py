"""What the columns of a table are: named, looked at and decided, told by the user, remembered by a run."""

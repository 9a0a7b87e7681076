"""Values that are read or made when they are asked for, and need not be in memory."""

"""Where a run computes: devices, machines, and what these have to agree upon."""

"""Where a training sequence comes from; every source returns a `Clip`."""

"""The door: how ops get from a plugin into a registry, and from there onto Variable."""

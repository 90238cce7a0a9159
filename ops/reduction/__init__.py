"""Many elements to one."""

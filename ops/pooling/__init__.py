"""Windows to one number each, their inverses, and sampling on a grid."""

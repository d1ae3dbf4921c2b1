"""Configuration: the only package that knows all the others, and that none of them knows."""

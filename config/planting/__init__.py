"""A clean month with errors planted in it, to show that the desk finds every one and names its cause."""

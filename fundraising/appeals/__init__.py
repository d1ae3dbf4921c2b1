"""The life of an appeal (ADR 235): draft, open, closing, closed, surplus resolved, archived; and its rounds.

`life.py` has the verbs of the states, `rounds.py` those of rounds and goals; `obstacles.py` says what is in the way.
"""

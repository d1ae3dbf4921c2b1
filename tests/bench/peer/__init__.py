"""A project around dj-stripe as its documentation describes it. Runs in an environment of its own, without our code."""

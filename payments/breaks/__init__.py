"""Breaks at Stripe: what reconciliation compares, its runs, and what can be done about a difference."""

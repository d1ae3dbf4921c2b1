"""Stripe's payouts on the bank's statements: importing statements, and which lines are payouts."""

"""Sweeps over Stripe's own lists: what webhooks lost, and what really came in."""

"""Stripe's side at the desk: payouts, disputes, refunds, what waits, their exports, and the addresses of it all."""

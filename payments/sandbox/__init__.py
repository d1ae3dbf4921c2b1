"""A local stand-in for Stripe: its API over HTTP, a checkout page, signed webhooks, faults on demand. No real money."""

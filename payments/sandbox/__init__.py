"""A local stand-in for Stripe: same API over HTTP, own checkout page, signed webhooks, faults on demand. No real money."""

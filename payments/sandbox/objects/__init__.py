"""One module per Stripe resource: its parameters, its operations and how it changes."""

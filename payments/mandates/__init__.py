"""Regular giving through Stripe: subscriptions, their invoices, changes that are wanted, and the donor's page."""

"""A seeded simulation of months of giving over the Stripe sandbox, with every fault; then the books must agree."""

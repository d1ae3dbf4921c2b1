"""Mail to donors: what it says, sending it, and what mail providers tell of it."""

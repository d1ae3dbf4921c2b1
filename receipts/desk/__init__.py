"""Papers at the desk: what did not go out and why, and the addresses of all pages that this app has there."""

"""What a legal entity says of its papers at the desk: regimes, letterhead, wordings, and how they look."""

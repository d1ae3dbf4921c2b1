"""The public money page of an appeal: what came in, how far it has come, and when that was last checked (ADR 231)."""

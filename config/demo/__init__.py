"""The demo's content: invented organisations, appeals and updates, in the spirit of real ones."""

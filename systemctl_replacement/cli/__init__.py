"""The commands: one module per family of verbs, rendering apart from fetching."""

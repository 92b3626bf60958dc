"""The one table of verbs behind keys, palette, help, footer and `exec`."""

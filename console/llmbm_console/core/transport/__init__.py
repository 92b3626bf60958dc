"""Bytes in, bytes out: one class per kind of line, all with the same five verbs."""

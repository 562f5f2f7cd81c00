"""Digests: their shapes and rules, and what crosses to their workflow."""

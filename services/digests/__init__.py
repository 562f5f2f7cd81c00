"""Digests: what plans gather, and the one message made of it."""

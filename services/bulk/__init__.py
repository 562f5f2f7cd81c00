"""Batches of notifications: planned and delivered in chunks, a few statements for each."""

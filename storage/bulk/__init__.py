"""Batches of notifications: facts, plans, intents and results, a statement for each kind."""

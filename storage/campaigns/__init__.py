"""Campaigns, their recipients and their intents in PostgreSQL."""

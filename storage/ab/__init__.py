"""A/B tests in PostgreSQL."""

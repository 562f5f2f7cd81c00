"""The Temporal server and its Web UI, built once from their Go modules and run on PostgreSQL."""

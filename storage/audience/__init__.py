"""Audiences as SQL, and the uploaded lists."""

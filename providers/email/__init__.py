"""Email vendors."""

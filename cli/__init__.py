"""The commands behind ./herald."""

"""The craft of the short message: its size, its price, its way, and what the law adds to it."""

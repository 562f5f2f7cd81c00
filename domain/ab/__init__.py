"""A/B tests: who gets which variant, what the counts say, and which variant goes to the rest."""

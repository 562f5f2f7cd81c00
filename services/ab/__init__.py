"""A/B tests of their own, and the variants notifications carry."""

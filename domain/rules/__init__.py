"""One gate of the plan per file: pure functions from facts (and an instant) to a decision."""

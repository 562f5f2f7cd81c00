"""Words and pure rules: no clock, no I/O, no framework but pydantic."""

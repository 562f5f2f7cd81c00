"""SMS before it is sent, and what people text back."""

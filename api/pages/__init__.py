"""Pages for people: plain HTML, no script, nothing loaded from elsewhere."""

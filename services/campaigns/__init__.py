"""Campaigns: made and steered by their makers, frozen, and sent in chunks.

Of a chunk, in the order of its work: `chunks` leads; `plan`, `words` with `fill` and `links`,
`make`, `route`, `intents`, `calls`; `brake` stops what goes wrong as a whole.
"""

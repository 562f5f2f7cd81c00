"""The live inbox's benchmark in its short form: real processes, nothing lost, nothing twice."""

from benchmarks.websocket import Load, measure
from runtime.embedded.stack import EmbeddedStack


async def test_the_short_form_loses_and_repeats_nothing(
    stack: EmbeddedStack, database: str
) -> None:
    load = Load(connections=200, rate=100, seconds=3, turns=1)
    figures = await measure(load, database, stack.redis_url)
    for run in (*figures["bare"], *figures["herald"]):
        assert run["sent"] == run["received"] == 300
        assert run["outOfOrder"] == run["lostConnections"] == 0
        assert 0 < run["p50ms"] <= run["p99ms"] <= run["maxms"]
        assert run["kibPerConnection"] < 200

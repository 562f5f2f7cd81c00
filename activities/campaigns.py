"""A campaign's steps and the chunks it is sent in. Each may be repeated: the database says what
was done, and a chunk's intents are written before any provider is called."""

from temporalio import activity

from activities.errors import application_errors
from activities.heartbeat import heartbeating
from domain.campaigns.messages import (
    CampaignState,
    ChunkInput,
    ChunkResult,
    FinishCampaignInput,
    FreezeInput,
    Frozen,
    OpenInput,
)
from services.campaigns.chunks import CampaignChunkService
from services.campaigns.run import CampaignRunService


class CampaignActivities:
    def __init__(self, run: CampaignRunService, chunks: CampaignChunkService) -> None:
        self._run = run
        self._chunks = chunks

    @activity.defn(name="open_campaign")
    async def open_campaign(self, command: OpenInput) -> CampaignState:
        with application_errors():
            return await self._run.open(command)

    @activity.defn(name="freeze_audience")
    async def freeze_audience(self, command: FreezeInput) -> Frozen:
        with heartbeating(), application_errors():
            return await self._run.freeze(command)

    @activity.defn(name="decide_winner")
    async def decide_winner(self, command: FinishCampaignInput) -> CampaignState:
        with application_errors():
            return await self._run.decide(command)

    @activity.defn(name="finish_campaign")
    async def finish_campaign(self, command: FinishCampaignInput) -> CampaignState:
        with heartbeating(), application_errors():
            return await self._run.finish(command)

    @activity.defn(name="deliver_chunk")
    async def deliver_chunk(self, command: ChunkInput) -> ChunkResult:
        with heartbeating(), application_errors():
            return await self._chunks.deliver(command)

"""The baseline for accept latency: a FastAPI route that inserts one row.

`python -m benchmarks.one_row PORT DATABASE_URL` serves it with the server and pool Herald uses.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Body(BaseModel):
    userId: str  # noqa: N815  (the wire is camelCase)
    type: str
    title: str
    content: str


def create(database_url: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(database_url, min_size=5, max_size=20) as pool:
            await pool.execute(
                "create table if not exists bench_rows (id uuid primary key, user_id text,"
                " type text, title text, content text, created_at timestamptz default now())"
            )
            app.state.pool = pool
            yield
            await pool.execute("drop table bench_rows")

    app = FastAPI(lifespan=lifespan)

    @app.post("/rows", status_code=202)
    async def insert(body: Body) -> dict[str, str]:
        row = uuid4()
        await app.state.pool.execute(
            "insert into bench_rows (id, user_id, type, title, content)"
            " values ($1, $2, $3, $4, $5)",
            row, body.userId, body.type, body.title, body.content,
        )  # fmt: skip
        return {"id": str(row)}

    return app


if __name__ == "__main__":
    uvicorn.run(create(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")

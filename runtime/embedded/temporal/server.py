"""The Temporal parts: schema, server, namespace, Web UI; or the SDK's dev server instead."""

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from runtime.embedded.home import Home
from runtime.embedded.postgres import Postgres
from runtime.embedded.probes import http_ok, temporal_ok
from runtime.embedded.supervisor import Part, tied
from runtime.embedded.temporal.build import Binaries
from runtime.embedded.temporal.config import write_server, write_ui

NAMESPACE = "herald"
RETENTION_DAYS = 3
SEARCH_ATTRIBUTES = {
    "NotificationType": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Channel": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    "Outcome": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "UserHash": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
}


class SchemaFailed(Exception):
    """The SQL tool's own words."""


async def prepare_schema(binaries: Binaries, postgres: Postgres) -> None:
    """Makes or updates the tables of both databases. Raises `SchemaFailed`."""
    stores = {"temporal": "temporal", "temporal_visibility": "visibility"}
    for database, schema in stores.items():
        version = await _sql(binaries, postgres, database, "setup-schema", "-v", "0.0", check=False)
        update = ("update-schema", "-s", f"postgresql/v12/{schema}")
        try:
            await _sql(binaries, postgres, database, *update, check=True)
        except SchemaFailed as error:
            raise SchemaFailed(f"{version}\n{error}") from error


async def _sql(
    binaries: Binaries, postgres: Postgres, database: str, *words: str, check: bool
) -> str:
    command = [
        str(binaries.sql_tool), "--plugin", "postgres12_pgx", "--ep", "127.0.0.1",
        "-p", str(postgres.port), "-u", "herald", "--db", database, *words,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *tied(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={"SQL_PASSWORD": postgres.password},
    )
    output, _ = await process.communicate()
    text = output.decode(errors="replace")
    if check and process.returncode != 0:
        raise SchemaFailed(text[-2000:])
    return text


_GO: Final = {"GOGC": "200", "GOMEMLIMIT": "192MiB"}
"""Collects garbage seldom while there is room, and often before there is more than that."""


def server_part(home: Home, binaries: Binaries, postgres: Postgres) -> tuple[Part, str]:
    """The server and its address."""
    config, port = write_server(home, postgres)
    address = f"127.0.0.1:{port}"
    part = Part(
        name="temporal",
        command=[str(binaries.server), "--config-file", str(config), "--allow-no-auth", "start"],
        log=home.log("temporal"),
        ready=temporal_ok(address),
        environment=_GO,
        folder=home.folder("temporal"),
        grace=10.0,
    )
    return part, address


def dev_server_part(
    home: Home, executable: Path, environment: Mapping[str, str]
) -> tuple[Part, str]:
    """The SDK's dev server on a SQLite file, with its own Web UI."""
    from runtime.embedded.temporal.config import DYNAMIC

    port, ui_port = home.port("temporal"), home.port("temporal-ui")
    settings = [
        word
        for name, value in DYNAMIC.items()
        for word in ("--dynamic-config-value", f"{name}={str(value).lower()}")
    ]
    pragmas = ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    part = Part(
        name="temporal",
        command=[
            str(executable), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port),
            "--ui-port", str(ui_port), "--log-level", "warn",
            "--db-filename", str(home.folder("temporal") / "temporal.db"), *settings, *pragmas,
        ],
        log=home.log("temporal"),
        ready=temporal_ok(f"127.0.0.1:{port}"),
        environment=environment,
    )  # fmt: skip
    return part, f"127.0.0.1:{port}"


def ui_part(home: Home, binaries: Binaries, address: str, api_url: str) -> tuple[Part, str]:
    """The Web UI and its URL."""
    root, port = write_ui(home, address, api_url)
    url = f"http://127.0.0.1:{port}"
    part = Part(
        name="temporal-ui",
        command=[
            str(binaries.ui), "--root", str(root), "--config", "ui", "--env", "development",
            "start",
        ],
        log=home.log("temporal-ui"),
        ready=http_ok(f"{url}/api/v1/settings"),
        folder=root,
        grace=3.0,
    )  # fmt: skip
    return part, url


async def prepare_namespace(address: str, namespace: str = NAMESPACE) -> None:
    """Makes the namespace and its search attributes, and waits until both can be used."""
    client = await Client.connect(address)
    days = Duration(seconds=RETENTION_DAYS * 86_400)
    try:
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=days)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
    await _until_known(client, namespace)
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=namespace)
    )
    missing = {k: v for k, v in SEARCH_ATTRIBUTES.items() if k not in listed.custom_attributes}
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=namespace, search_attributes=missing)
        )
    await _until_searchable(address, namespace)


async def _until_searchable(address: str, namespace: str) -> None:
    """New search attributes take a moment too; until then a start that names one is refused."""
    scoped = await Client.connect(address, namespace=namespace)
    query = " AND ".join(f"{name} IS NULL" for name in SEARCH_ATTRIBUTES)
    async with asyncio.timeout(30):
        while True:
            try:
                await scoped.count_workflows(query)
            except RPCError as error:
                if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                    raise
                await asyncio.sleep(0.2)
            else:
                return


async def _until_known(client: Client, namespace: str) -> None:
    """Namespaces are read from a cache that takes a moment to hear of a new one."""
    async with asyncio.timeout(30):
        while True:
            try:
                await client.workflow_service.describe_namespace(
                    DescribeNamespaceRequest(namespace=namespace)
                )
                scoped = await Client.connect(
                    client.service_client.config.target_host, namespace=namespace
                )
                async for _ in scoped.list_workflows(limit=1):
                    break
            except RPCError as error:
                if error.status not in {RPCStatusCode.NOT_FOUND, RPCStatusCode.UNAVAILABLE}:
                    raise
                await asyncio.sleep(0.2)
            else:
                return

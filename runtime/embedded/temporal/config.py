"""The server's and the Web UI's configuration files, written from ports and passwords.

The files are JSON, which is YAML.
"""

import json
from pathlib import Path
from typing import Any

from runtime.embedded.home import Home
from runtime.embedded.postgres import Postgres

HISTORY_SHARDS = 16
"""Fixed for the life of the database."""

DYNAMIC: dict[str, Any] = {
    "frontend.WorkflowTimeSkippingEnabled": True,
    "matching.enableFairness": True,
    "history.shardIOConcurrency": 16,
    "history.transferProcessorMaxPollRPS": 500,
    "history.timerProcessorMaxPollRPS": 500,
    "system.enableActivityEagerExecution": True,
    "frontend.namespaceRPS": 20_000,
    "frontend.rps": 20_000,
    "system.visibilityPersistenceMaxReadQPS": 2_000,
    "frontend.namespaceRPS.visibility": 1_000,
    # By bytes: 128,000 cached workflows, the default, would be gigabytes.
    "history.cacheSizeBasedLimit": True,
    "history.hostLevelCacheMaxSizeBytes": 64 * 1024**2,
}


def write_server(home: Home, postgres: Postgres) -> tuple[Path, int]:
    """Returns the file and the frontend's gRPC port."""
    folder = home.folder("temporal")
    dynamic = folder / "dynamic.yaml"
    dynamic.write_text(json.dumps({name: [{"value": value}] for name, value in DYNAMIC.items()}))
    frontend = home.port("temporal")
    config = {
        "log": {"stdout": True, "level": "warn"},
        "persistence": {
            "defaultStore": "default",
            "visibilityStore": "visibility",
            "numHistoryShards": HISTORY_SHARDS,
            "datastores": {
                "default": {"sql": _store(postgres, "temporal", 40)},
                "visibility": {"sql": _store(postgres, "temporal_visibility", 10)},
            },
        },
        "global": {"membership": {"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"}},
        "services": {
            name: {"rpc": _rpc(home, name, frontend)}
            for name in ("frontend", "matching", "history", "worker")
        },
        "clusterMetadata": _cluster(frontend),
        "dcRedirectionPolicy": {"policy": "noop"},
        "publicClient": {"hostPort": f"127.0.0.1:{frontend}"},
        "dynamicConfigClient": {"filepath": str(dynamic), "pollInterval": "60s"},
    }
    path = folder / "server.yaml"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2))
    return path, frontend


def _cluster(frontend: int) -> dict[str, Any]:
    """One cluster, which is all there is."""
    active = {
        "enabled": True,
        "initialFailoverVersion": 1,
        "rpcName": "frontend",
        "rpcAddress": f"127.0.0.1:{frontend}",
    }
    return {
        "enableGlobalNamespace": False,
        "failoverVersionIncrement": 10,
        "masterClusterName": "active",
        "currentClusterName": "active",
        "clusterInformation": {"active": active},
    }


def _store(postgres: Postgres, database: str, connections: int) -> dict[str, Any]:
    return {
        "pluginName": "postgres12_pgx",
        "databaseName": database,
        "connectAddr": f"127.0.0.1:{postgres.port}",
        "connectProtocol": "tcp",
        "user": "herald",
        "password": postgres.password,
        "maxConns": connections,
        "maxIdleConns": connections,
        "maxConnLifetime": "1h",
    }


def _rpc(home: Home, service: str, frontend: int) -> dict[str, Any]:
    rpc: dict[str, Any] = {
        "grpcPort": frontend if service == "frontend" else home.port(f"temporal-{service}"),
        "membershipPort": home.port(f"temporal-{service}-membership"),
        "bindOnLocalHost": True,
    }
    if service == "frontend":
        rpc["httpPort"] = home.port("temporal-http")
    return rpc


def write_ui(home: Home, address: str, api_url: str) -> tuple[Path, int]:
    """Returns the root folder, below which `ui/development.yaml` lies, and the port."""
    port = home.port("temporal-ui")
    root = home.folder("temporal")
    folder = home.folder("temporal/ui")
    config = {
        "temporalGrpcAddress": address,
        "host": "127.0.0.1",
        "port": port,
        "enableUi": True,
        "defaultNamespace": "herald",
        "disableNewsFetch": True,
        "cors": {"allowOrigins": [f"http://127.0.0.1:{port}", api_url]},
    }
    (folder / "development.yaml").write_text(json.dumps(config, indent=2))
    return root, port

"""What the services ask of the world, as Protocols. Adapters live in storage, providers,
templates and runtime."""

"""Boards: transports, host keys, inventory, probe, engine wheels, deployment, virtual boards."""

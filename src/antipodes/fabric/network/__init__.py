"""Packets inside private networks: where they go, and where they cannot."""

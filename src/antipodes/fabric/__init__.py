"""Packets inside private networks: networks, route tables, filters, and what reaches what.

Synchronous: time is an argument, so a path can be computed, explained and tested without a network.
Nothing is here yet.
"""

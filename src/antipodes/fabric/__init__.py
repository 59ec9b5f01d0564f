"""Packets inside private networks, and the formats of what they carry.

Synchronous: time is an argument, so a path can be computed, explained and tested without a network.
`dns` has domain names and DNS messages, `network` where packets go and where they cannot.
"""

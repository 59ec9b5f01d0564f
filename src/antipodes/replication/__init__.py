"""Copies that diverge and converge: change logs, those who follow them, and which write wins.

Whatever crosses regions follows a host's change log and remembers its position. A cut link delays
it and loses nothing, and the distance between head and position is the replication lag.
"""

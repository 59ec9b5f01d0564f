"""The one door to the machine: time, chance, tasks, streams, disks and child processes.

`contract` says what a host may ask; `real` and `virtual` are the two bodies of it. Nothing outside
this folder imports asyncio, socket, time, random or subprocess: that is what lets the same code run
in real time and in a deterministic simulation. Learned from FoundationDB's and TigerBeetle's
simulators.
"""

"""The web view of a running world: the map, the flows, the replication lag, a drill as it runs.

It reads the journal and the status of the hosts and changes nothing, so it stands above everything
but the command line. Nothing is here yet.
"""

"""What runs where: the hosts of a world, as processes of their own or all inside one simulation.

`region` and `edge` assemble a host from its services and are the same code in both bodies of the
runtime. In real time `process` is the main function of a host's process, `supervisor` starts and
watches them all, `frontdoor` hands connections to them, `cities` are the people outside.
In simulation `simulated` boots the same hosts as task groups of one virtual loop.
"""

"""Services at every edge location: what stands between the users and the regions.

These are data planes. They act on what they last heard of their control planes, through a region's
change log, and carry on when the control plane is gone. One process holds all edge locations.
"""

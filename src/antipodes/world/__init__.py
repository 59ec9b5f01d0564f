"""Places, the links between them, and what is broken right now. Pure state; knows nothing of AWS.

`atlas` knows where things are, `latency` how long the way between two of them takes, `faults` how
it can be broken, `addresses` the numbers of the emulated internet; `world` joins them into the one
object that a runtime asks about its links. No I/O but reading the packaged data, no clock, no
chance but hashing. Fault injection as a verdict on links was learned from turmoil.
"""

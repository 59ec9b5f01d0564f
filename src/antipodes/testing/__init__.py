"""Antipodes as a test tool: a pytest plugin, and what it is made of.

`plugin` gives the fixtures `sim` (a world in virtual time), `world` (one of processes) and
`assert_survives` (a drill as an assertion). Without pytest's fixtures::

    from antipodes.testing.survival import assert_survives
    from antipodes.testing.virtualworld import VirtualWorld
    from antipodes.testing.realworld import RealWorld

pytest itself is the user's: only `plugin` and `options` import it. This module imports nothing,
since pytest loads the plugin wherever Antipodes is installed, also where no test needs it.
"""

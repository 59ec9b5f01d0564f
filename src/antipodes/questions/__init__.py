"""Questions that are asked of a world, and answered by thinking, with nothing sent anywhere.

`networks` knows what is there, `walking` follows one packet and says why it went as it did. Each
question is a module that ends in `question`. Behind `draw` are `layout` (where things stand),
`joins` (the lines between them), `trail` (a walk over both) and `drawing` (the SVG); behind `cuts`
is `failures` (the networks without a thing), behind `compare` `comparing`, behind `lint` the
modules that end in `findings`, and behind `choose` those that begin with `choosing`.
"""

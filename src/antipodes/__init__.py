"""A world of AWS-compatible regions that you run on one machine, and break.

Imports point down: `cli` (one verb per thing a person does), `console`, `drills`, `hosting`, `edge`
beside `regional`, `service`, `fabric` beside `replication`, `world`, `runtime` beside `wire`.
Folders on one line never import each other. Each folder says in its own words why it is there.
"""

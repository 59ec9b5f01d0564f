"""AWS FIS: experiments that break a part of this world on purpose, and put it right again.

Modelled: experiment templates and experiments with their states and those of their actions, order
by `startAfter`, targets by ARN, tag, filter and parameter, selection by chance, target previews,
safety levers, stop conditions by alarm, tags, idempotent tokens. An action's effect ends with the
action, when the experiment is stopped or fails, and goes on through a restart of its region.

What actions do here:

- network actions install the world's own link faults through the fault door (hosting), under
  handles `fis-EXPERIMENT-N`, so that `antipodes status` shows and `antipodes heal` ends them;
- a pause of replication is a pause of global tables (regional/dynamodb, `pauses.py`);
- functions are disturbed where they are invoked, calls of an API where they are dispatched.

Not modelled, and refused by name: every action whose resources do not exist here, logs, reports,
several accounts. The role of a template is recorded, not enforced.

Facts: AWS FIS User Guide (actions reference, targets, experiment options, quotas, safety lever) and
botocore's model of 2020-12-01.
"""

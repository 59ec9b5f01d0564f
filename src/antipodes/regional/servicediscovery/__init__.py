"""AWS Cloud Map: services by their names, and which instances they have now.

Modelled: namespaces that this API alone finds, and those with a hosted zone, private or public;
services, instances with their attributes, custom health, discovery by attributes and health,
revisions, operations, tags. Zones and records are made in Route 53 as a customer would, and wait
for its home region if that cannot be reached (`publishing`).

Not modelled: Route 53 health checks of instances, namespaces of other accounts, throttling.

Sources: AWS Cloud Map Developer Guide and API Reference of 2017-03-14, botocore's model.
"""

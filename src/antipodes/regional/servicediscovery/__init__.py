"""AWS Cloud Map: services by their names, and which instances they have now.

Modelled: namespaces that this API alone finds, services, instances with their attributes, custom
health, discovery by attributes and health, revisions, operations, tags.

Sources: AWS Cloud Map Developer Guide and API Reference of 2017-03-14, botocore's model.
"""

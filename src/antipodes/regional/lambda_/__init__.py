"""Lambda: functions from zip files, invoked in environments that start cold and stay warm.

Modelled: functions with their code, configuration, states and revisions; synchronous invocation and
dry runs; resource policies, tags and reserved concurrency as records. In real time an environment
is a worker process that runs AWS's own `awslambdaric` against a Lambda Runtime API on a loopback
port; in simulation it is a greenlet in which the same handler waits in virtual time.

Not modelled: versions and aliases (only `$LATEST`), asynchronous invocation, event source mappings,
layers, images, code in S3, VPCs, runtimes other than Python, enforcement of memory sizes and of
resource policies. All but the last two are refused by name.

Facts and numbers: Lambda's developer guide (quotas, runtimes-api, configuration-envvars,
invocation-async) and botocore's model of 2015-03-31; limits of our own are marked as such.
"""

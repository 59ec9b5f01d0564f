"""What every service is made of: operations, calls, HTTP, records, accounts, errors.

`contract` is what a service sees of its host and what a host sees of a service; `dispatch` finds
the service, the operation, the account and the region of a request; `http` carries it; `records`
keeps a control plane's nouns in the store.
"""

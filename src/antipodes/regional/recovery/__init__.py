"""Routing control of Application Recovery Controller: switches that work when regions do not.

Modelled: the control plane (`route53-recovery-control-config`, at home in us-west-2) with clusters,
control panels, routing controls and safety rules; the data plane (`route53-recovery-cluster`) with
a cluster's five endpoints in five regions, which agree on the switches by majority (`consensus`),
so that two of them, and the control plane, can be lost. Every change of a switch stands in the five
regions' change logs, where Route 53's health checkers find it.

Left out, and refused by name: clusters shared with other accounts, dual-stack clusters, readiness
checks (`route53-recovery-readiness`), region switch. The quota of changes a second holds where the
world's capacity can be short (`--throttling`).

Sources: Application Recovery Controller developer guide (routing control: components, regions,
quotas, safety rules, examples of the command line), its two API references, botocore's models. How
the endpoints agree is not published beyond "quorum": here it is CASPaxos (Rystsov, 2018). When the
wait period of a rule begins, and which states a gating rule looks at, is not published either: see
`state`.
"""

"""DNS as bytes: names, record data, messages, and answers that are ready before they are asked for.

Pure functions on bytes (RFC 1034, 1035, 2181, 6891, 7871), made for a server that answers tens of
thousands of questions a second: a usual question is read in a few steps, and its answer is put
together from parts that were encoded when the zone was loaded. Names are lower-case and in wire
form throughout; text is for people, and for the APIs that take it.

Left out: DNSSEC (RRSIG, NSEC, DNSKEY are data like any other), TSIG, zone transfers, updates.
"""

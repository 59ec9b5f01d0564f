"""CloudWatch metrics: numbers over time, as services and customers put them.

Modelled: metrics of values and of statistic sets, kept by the minute for fifteen days; statistics,
metric data queries of single metrics, lists. Not modelled: alarms, dashboards, expressions,
percentiles, metrics of a finer resolution than a minute; each is refused by name.

Facts: the API reference of CloudWatch and botocore's model of 2010-08-01.
"""

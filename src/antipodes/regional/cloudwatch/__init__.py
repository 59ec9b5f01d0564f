"""CloudWatch metrics and alarms: numbers over time, and who rings when they go too far.

Modelled: metrics of values and of statistic sets, kept by the minute for fifteen days; statistics,
metric data queries of single metrics, lists; alarms on single metrics with their states, history
and tags. Not modelled: composite alarms, dashboards, expressions, percentiles, metrics of a finer
resolution than a minute; each is refused by name. Of an alarm's actions only functions exist here.

Facts: the API reference and User Guide of CloudWatch and botocore's model of 2010-08-01.
"""

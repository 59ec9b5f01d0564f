"""What is not offered, and what is otherwise than in AWS: the one list of it.

The documentation's page is made from this (`make pages`), from the operations that are registered
and from the refusals in the code; a test holds the page to it, and every `shown_by` to a test that
is there. Whoever decides for a difference writes it down here, in the words of somebody who uses
it, with the test that shows it where there is one.
"""

from typing import NamedTuple

TESTS = "tests/regional/dynamodb/"


class Difference(NamedTuple):
    """One thing that is otherwise here. `shown_by` is a test's file and name."""

    area: str
    aws: str
    here: str
    shown_by: str = ""


# Operations that are refused by name, and why.
NOT_OFFERED = {
    "CancelBulkOperation": "bulk operations work on S3, which is not there yet",
    "DescribeBulkOperation": "bulk operations work on S3, which is not there yet",
    "ListBulkOperations": "bulk operations work on S3, which is not there yet",
    "StartBulkPutItems": "bulk operations work on S3, which is not there yet",
    "DescribeExport": "exports go to S3, which is not there yet",
    "ExportTableToPointInTime": "exports go to S3, which is not there yet",
    "ListExports": "exports go to S3, which is not there yet",
    "DescribeImport": "imports come from S3, which is not there yet",
    "ImportTable": "imports come from S3, which is not there yet",
    "ListImports": "imports come from S3, which is not there yet",
    "DescribeKinesisStreamingDestination": "there is no Kinesis",
    "DisableKinesisStreamingDestination": "there is no Kinesis",
    "EnableKinesisStreamingDestination": "there is no Kinesis",
    "UpdateKinesisStreamingDestination": "there is no Kinesis",
    "UpdateTableReplicaAutoScaling": "nothing scales by itself",
    "SearchVectors": "vector indexes are not modelled",
}

DIFFERENCES = (
    Difference(
        "tables",
        "Making, changing and deleting a table takes seconds to minutes.",
        "As long as `--control-plane-delay` says, by default no time: a table is ACTIVE when next "
        "described, and a deleted one is gone.",
        "test_tables.py::test_a_table_is_creating_updating_and_deleting_for_as_long_as_was_chosen",
    ),
    Difference(
        "tables",
        "While a table is UPDATING, DescribeTable shows its old capacity and class.",
        "It shows the new ones at once; only UpdateTable's own answer has the old ones.",
    ),
    Difference(
        "tables",
        "The rate of control-plane requests is limited, and after a change of deletion protection, "
        "of a policy or of tags the next one has to wait for up to 15 seconds.",
        "There is no such limit, and no wait.",
        "test_differences.py::test_settings_can_be_changed_again_at_once",
    ),
    Difference(
        "tables",
        "Tags and policies are read some seconds after they were written.",
        "They are read at once.",
        "test_differences.py::test_settings_can_be_changed_again_at_once",
    ),
    Difference(
        "tables",
        "Counts of items and sizes are refreshed every six hours.",
        "They are exact at any time.",
        "test_differences.py::test_counts_are_exact_at_any_time",
    ),
    Difference(
        "tables",
        "A KMS key must exist, and the table becomes unreadable when it is disabled.",
        "Keys are names in records: any key works, an alias stands for a key of its own, and "
        "nothing is encrypted.",
        "test_tables.py::test_classes_keys_and_protection_are_kept_and_shown",
    ),
    Difference(
        "tables",
        "Warm throughput takes minutes to rise.",
        "It is there at once, and means something with `--throttling` only.",
    ),
    Difference(
        "policies",
        "A resource policy grants and denies access, to other accounts as well.",
        "It is kept and shown, and nobody is refused because of it; another account's table cannot "
        "be named.",
        "test_policies.py::test_a_policy_has_a_revision_that_changes_with_what_it_says",
    ),
    Difference(
        "policies",
        "Contributor insights make rules in CloudWatch, 100 in a region at most.",
        "They are records: the rules have names and no graphs.",
        "test_policies.py::test_contributor_insights_are_switched_shown_and_listed",
    ),
    Difference(
        "capacity",
        "Capacity can always be short.",
        "It is counted and never short, unless the world runs with `--throttling`.",
        "test_throttles.py::test_a_table_takes_its_units_a_second_and_what_it_saved_in_five_minutes",
    ),
    Difference(
        "capacity",
        "A write waits for those global indexes that it changes.",
        "With `--throttling` it is refused while any global index of its table has nothing left.",
        "test_throttles.py::test_a_global_index_has_its_own_units_and_holds_writes_back",
    ),
    Difference(
        "capacity",
        "A partition takes 3,000 read and 1,000 write units a second, an account what its quota "
        "says, and writes from other regions cost capacity too.",
        "Only tables and global indexes have limits, and only for requests made in their region.",
    ),
    Difference(
        "capacity",
        "CloudWatch has consumed capacity and throttled requests as metrics.",
        "It has them where the world runs with `--throttling`.",
        "test_capacitymetrics.py::test_a_minute_of_reads_writes_and_refusals_is_published",
    ),
    Difference(
        "items",
        "An eventually consistent read may be a moment behind.",
        "It sees the region's latest write, as a consistent one does.",
        "test_differences.py::test_eventually_consistent_reads_see_the_latest_write",
    ),
    Difference(
        "items",
        "Two requests may meet at one item: TransactionConflict, TransactionInProgress.",
        "Requests of a region are done one after the other; they never conflict.",
    ),
    Difference(
        "expressions",
        "How deep an expression may nest is not documented.",
        "Conditions may as deep as 4 KB and 300 operators go, functions in functions to 100.",
        "test_expressions.py::test_deep_and_long_conditions_are_refused_or_read_but_never_overflow",
    ),
    Difference(
        "expressions",
        "Of the faults of one expression, which one is told is not documented.",
        "The gravest, in the order that was seen of the service; of equals the first.",
        "test_refusals.py::test_conditions_are_told_the_gravest_fault",
    ),
    Difference(
        "refusals",
        "Regions word some refusals in two ways, with and without `1 validation error detected:`.",
        "All word them in one, that without.",
        "test_refusals.py::test_shapes",
    ),
    Difference(
        "refusals",
        "Several broken constraints are told in no order that is known.",
        "They are told in the order of the API's model, ten of them at most.",
        "test_refusals.py::test_shapes",
    ),
    Difference(
        "indexes",
        "A global index follows its table shortly after.",
        "It follows in the same moment as the write.",
        "test_differences.py::test_eventually_consistent_reads_see_the_latest_write",
    ),
    Difference(
        "indexes",
        "Items of one index key come in no order that is documented.",
        "They come in the order of the table's key, its partition key hashed.",
        "test_indexes.py::test_indexes_hold_what_a_plain_list_does",
    ),
    Difference(
        "indexes",
        "What an index costs in a transaction is not documented.",
        "A global index costs the plain price, a local one twice it.",
        "test_capacity.py::test_other_writes_consume_alike",
    ),
    Difference(
        "indexes",
        "PartiQL reads global indexes whose keys have several HASH or RANGE attributes.",
        "It refuses to; Query and Scan read them.",
        "test_compound_keys.py::test_partiql_does_not_read_an_index_with_a_compound_key",
    ),
    Difference(
        "backups",
        "A backup is of the minute of its request.",
        "It is of the moment of its request, to the item, and AVAILABLE when its rows are copied.",
        "test_backups.py::test_a_backup_is_of_its_moment_whatever_is_written_and_killed_meanwhile",
    ),
    Difference(
        "backups",
        "A restore takes minutes, and can go to another region.",
        "It takes as long as its items do, and stays in its region.",
        "test_backups.py::test_a_restore_goes_on_after_a_kill_and_is_not_seen_before_its_end",
    ),
    Difference(
        "backups",
        "The latest restorable time is about five minutes ago.",
        "It is five minutes ago, or when recovery was turned on if that is later; the five minutes "
        "and the recovery period shrink with `--speed`.",
        "test_backups.py::test_recovery_is_switched_and_its_window_moves",
    ),
    Difference(
        "backups",
        "Backups can be made for the first time some seconds after a table is ACTIVE.",
        "They can be made at once.",
        "test_differences.py::test_a_new_table_is_backed_up_at_once",
    ),
    Difference(
        "streams",
        "Shards split and merge with a table's partitions.",
        "A stream keeps the number of shards that it began with.",
        "test_streams_in_time.py",
    ),
    Difference(
        "streams",
        "A record appears some time after its change.",
        "It is there when the write is answered.",
        "test_streams.py::test_a_stream_has_every_change_once_in_order_and_nothing_else",
    ),
    Difference(
        "time to live",
        "Expired items go within a few days.",
        "They go within a minute or so, or after `--ttl-delay`.",
        "test_timetolive.py::test_a_delay_of_choice_comes_before_an_item_goes",
    ),
    Difference(
        "time to live",
        "Which replica removes an expired item is not said.",
        "The region that wrote it last does, another one an hour later if it is still there.",
        "test_timetolive.py::test_what_a_lost_region_wrote_is_removed_by_another_after_an_hour",
    ),
    Difference(
        "global tables",
        "Replication takes about a second.",
        "It takes what the way takes, or what `--replication-delay` adds: `aws` is like AWS.",
        "test_replication_delay.py::test_aws_takes_about_a_second_and_keeps_no_order_between_items",
    ),
    Difference(
        "global tables",
        "Of two writes with equal timestamps, which one wins is not said.",
        "The one of the region whose name is the greater.",
        "test_globaltables.py::test_conflicting_writes_end_as_the_later_version",
    ),
    Difference(
        "global tables",
        "Quick changes of an item may reach a replica as one.",
        "Every change arrives.",
    ),
    Difference(
        "global tables",
        "A replica needs on-demand capacity or auto-scaled writes.",
        "Any capacity will do: there is no auto scaling.",
    ),
    Difference(
        "global tables",
        "A table of version 2017.11.29 is upgraded by a button of the console, and new ones cannot "
        "be made any more.",
        "They can be made; the upgrade is `POST /_antipodes/hosts/REGION/upgrade-global-table`.",
        "test_legacy_global_tables.py::test_an_upgrade_makes_it_one_of_the_present_version",
    ),
    Difference(
        "global tables",
        "Auto scaling of replicas can be set and is told.",
        "What would set it is refused by name; DescribeTableReplicaAutoScaling tells that there is "
        "none.",
        "test_legacy_global_tables.py::test_settings_are_each_replicas_own_but_what_the_global_table_is_told",
    ),
    Difference(
        "strong consistency",
        "How replicas agree is not published.",
        "By CASPaxos, one register per item; a write costs the way to the nearest other region and "
        "back.",
        "test_strong.py::test_writes_and_strong_reads_cost_a_round_trip_to_the_nearest",
    ),
    Difference(
        "strong consistency",
        "What a region without the others says is not published.",
        "Writes and strong reads fail there, eventually consistent reads go on.",
        "test_strong.py::test_a_region_alone_serves_eventually_consistent_reads_only",
    ),
    Difference(
        "strong consistency",
        "The three regions come from one set, by some of the documentation; any three will do, by "
        "the rest.",
        "Any three of those that AWS lists; with `--strong-region-sets`, three of one set.",
        "test_strong.py::test_members_may_have_to_be_of_one_set_of_regions",
    ),
    Difference(
        "PartiQL",
        "The limits of expressions are not documented for statements.",
        "Those of conditions (4 KB, 300 operators) hold for a statement's condition.",
        "test_partiql_errors.py::test_endless_statements_are_refused",
    ),
    Difference(
        "PartiQL",
        "How a statement that names several keys is parted into pages is not documented.",
        "In the order of the statement, in pages of ten items or a megabyte.",
        "test_partiql.py::test_several_reads_end_a_page_at_a_megabyte",
    ),
    Difference(
        "PartiQL",
        "What cannot be read is described in detail.",
        "The details are AWS's where they are known, and ours elsewhere.",
        "test_partiql_errors.py::test_refusals_are_worded_as_the_services",
    ),
)

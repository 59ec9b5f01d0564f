// The story of tests/e2e/test_clients.py told with AWS's own SDK for JavaScript; prints what it saw.
import {
  BatchWriteItemCommand, CreateTableCommand, DeleteTableCommand, DynamoDBClient,
  waitUntilTableExists, waitUntilTableNotExists,
} from "@aws-sdk/client-dynamodb";
import {
  DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, ScanCommand,
  TransactWriteCommand, UpdateCommand,
} from "@aws-sdk/lib-dynamodb";

const [table] = process.argv.slice(2);
const client = new DynamoDBClient({ maxAttempts: 1 });
const documents = DynamoDBDocumentClient.from(client);
const waiter = { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 };
const seen = {};

await client.send(new CreateTableCommand({
  TableName: table,
  BillingMode: "PAY_PER_REQUEST",
  AttributeDefinitions: [
    { AttributeName: "who", AttributeType: "S" },
    { AttributeName: "at", AttributeType: "N" },
    { AttributeName: "city", AttributeType: "S" },
  ],
  KeySchema: [
    { AttributeName: "who", KeyType: "HASH" },
    { AttributeName: "at", KeyType: "RANGE" },
  ],
  GlobalSecondaryIndexes: [{
    IndexName: "by-city",
    KeySchema: [{ AttributeName: "city", KeyType: "HASH" }],
    Projection: { ProjectionType: "ALL" },
  }],
}));
await waitUntilTableExists(waiter, { TableName: table });
for (const at of [1, 2, 10]) {
  const Item = { who: "ana", at, city: at > 1 ? "lima" : "oslo", tags: new Set(["a", "b"]) };
  await documents.send(new PutCommand({ TableName: table, Item }));
}
const Key = { who: "ana", at: 2 };
const counted = await documents.send(new UpdateCommand({
  TableName: table, Key, ReturnValues: "UPDATED_NEW",
  UpdateExpression: "ADD #visits :one", ExpressionAttributeNames: { "#visits": "visits" },
  ExpressionAttributeValues: { ":one": 1 },
}));
seen.updated = counted.Attributes;
try {
  await documents.send(new PutCommand({
    TableName: table, Item: Key, ConditionExpression: "attribute_not_exists(who)",
  }));
} catch (error) {
  seen.refused = [error.name, error.$metadata.httpStatusCode];
}
const queried = await documents.send(new QueryCommand({
  TableName: table, KeyConditionExpression: "who = :who AND #at > :at", ScanIndexForward: false,
  ExpressionAttributeNames: { "#at": "at" },
  ExpressionAttributeValues: { ":who": "ana", ":at": 1 },
}));
seen.queried = queried.Items.map((item) => item.at);
const indexed = await documents.send(new QueryCommand({
  TableName: table, IndexName: "by-city", KeyConditionExpression: "city = :city",
  ExpressionAttributeValues: { ":city": "lima" },
}));
seen.indexed = indexed.Items.map((item) => item.at).sort((a, b) => a - b);
try {
  await documents.send(new TransactWriteCommand({ TransactItems: [
    { Put: { TableName: table, Item: { who: "ben", at: 1 } } },
    { ConditionCheck: { TableName: table, Key, ConditionExpression: "attribute_not_exists(who)" } },
  ] }));
} catch (error) {
  seen.cancelled = error.CancellationReasons.map((reason) => reason.Code);
}
const batch = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: [
  { PutRequest: { Item: { who: { S: "cleo" }, at: { N: "1" } } } },
  { DeleteRequest: { Key: { who: { S: "ana" }, at: { N: "1" } } } },
] } }));
seen.unprocessed = Object.keys(batch.UnprocessedItems).length;
const scanned = await documents.send(new ScanCommand({ TableName: table }));
seen.scanned = scanned.Items.map((item) => `${item.who}/${item.at}`).sort();
const found = await documents.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }));
seen.tags = [...found.Item.tags].sort();
await client.send(new DeleteTableCommand({ TableName: table }));
await waitUntilTableNotExists(waiter, { TableName: table });
console.log(JSON.stringify(seen));

/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka's requests, versions and errors by number. */
#include "kafka.h"

#include <stdio.h>

#define NEVER 255
#define APIS_MAX 100     /* later brokers have more than are listed */
#define VERSIONS_LATER 8 /* and newer versions of those */

/* Newest version, and first flexible one, as of Kafka 3.9 and 4.0. */
static const struct {
	uint8_t newest, flexible;
} apis[] = {
	{13, 9}, {18, 12}, {11, 6}, {13, 9}, {7, 4}, {4, 2}, {8, 6}, {3, 3},     {10, 8},
	{10, 6}, /* 0 */
	{6, 3},  {9, 6},   {4, 4},  {5, 4},  {5, 4}, {6, 5}, {5, 3}, {1, NEVER}, {4, 3},
	{7, 5}, /* 10 */
	{6, 4},  {2, 2},   {6, 2},  {4, 4},  {5, 3}, {4, 3}, {5, 3}, {2, 1},     {5, 3},
	{3, 2}, /* 20 */
	{3, 2},  {3, 2},   {4, 4},  {2, 2},  {2, 2}, {5, 2}, {2, 2}, {3, 2},     {3, 2},
	{2, 2}, /* 30 */
	{2, 2},  {3, 2},   {2, 2},  {2, 2},  {1, 1}, {1, 0}, {0, 0}, {0, NEVER}, {1, 1},
	{1, 1},                                                              /* 40 */
	{0, 0},  {0, 0},   {2, 0},  {1, 1},  {1, 1}, {2, 0}, {3, 0}, {2, 0}, /* 50; from 58 on:
										flexible */
};

#define LISTED (sizeof(apis) / sizeof(apis[0]))

bool kafka_version_fits(uint16_t api, uint16_t version)
{
	if (api >= APIS_MAX)
		return false;
	return version <= (api < LISTED ? apis[api].newest : 2) + VERSIONS_LATER;
}

bool kafka_flexible(uint16_t api, uint16_t version)
{
	return api >= LISTED || (apis[api].flexible != NEVER && version >= apis[api].flexible);
}

/* Those that Produce and Fetch are answered with. */
static const char *const errors[] = {
	[1] = "OFFSET_OUT_OF_RANGE",
	[2] = "CORRUPT_MESSAGE",
	[3] = "UNKNOWN_TOPIC_OR_PARTITION",
	[4] = "INVALID_FETCH_SIZE",
	[5] = "LEADER_NOT_AVAILABLE",
	[6] = "NOT_LEADER_OR_FOLLOWER",
	[7] = "REQUEST_TIMED_OUT",
	[8] = "BROKER_NOT_AVAILABLE",
	[9] = "REPLICA_NOT_AVAILABLE",
	[10] = "MESSAGE_TOO_LARGE",
	[13] = "NETWORK_EXCEPTION",
	[14] = "COORDINATOR_LOAD_IN_PROGRESS",
	[15] = "COORDINATOR_NOT_AVAILABLE",
	[16] = "NOT_COORDINATOR",
	[17] = "INVALID_TOPIC_EXCEPTION",
	[18] = "RECORD_LIST_TOO_LARGE",
	[19] = "NOT_ENOUGH_REPLICAS",
	[20] = "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
	[21] = "INVALID_REQUIRED_ACKS",
	[29] = "TOPIC_AUTHORIZATION_FAILED",
	[30] = "GROUP_AUTHORIZATION_FAILED",
	[31] = "CLUSTER_AUTHORIZATION_FAILED",
	[32] = "INVALID_TIMESTAMP",
	[35] = "UNSUPPORTED_VERSION",
	[42] = "INVALID_REQUEST",
	[43] = "UNSUPPORTED_FOR_MESSAGE_FORMAT",
	[44] = "POLICY_VIOLATION",
	[45] = "OUT_OF_ORDER_SEQUENCE_NUMBER",
	[46] = "DUPLICATE_SEQUENCE_NUMBER",
	[47] = "INVALID_PRODUCER_EPOCH",
	[48] = "INVALID_TXN_STATE",
	[49] = "INVALID_PRODUCER_ID_MAPPING",
	[51] = "CONCURRENT_TRANSACTIONS",
	[53] = "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
	[56] = "KAFKA_STORAGE_ERROR",
	[59] = "UNKNOWN_PRODUCER_ID",
	[70] = "FETCH_SESSION_ID_NOT_FOUND",
	[71] = "INVALID_FETCH_SESSION_EPOCH",
	[74] = "FENCED_LEADER_EPOCH",
	[75] = "UNKNOWN_LEADER_EPOCH",
	[76] = "UNSUPPORTED_COMPRESSION_TYPE",
	[78] = "OFFSET_NOT_AVAILABLE",
	[87] = "INVALID_RECORD",
	[89] = "THROTTLING_QUOTA_EXCEEDED",
	[90] = "PRODUCER_FENCED",
	[99] = "POSITION_OUT_OF_RANGE",
	[100] = "UNKNOWN_TOPIC_ID",
	[103] = "INCONSISTENT_TOPIC_ID",
	[104] = "INCONSISTENT_CLUSTER_ID",
	[105] = "TRANSACTIONAL_ID_NOT_FOUND",
	[106] = "FETCH_SESSION_TOPIC_ID_ERROR",
	[109] = "OFFSET_MOVED_TO_TIERED_STORAGE",
};

struct slice kafka_error_name(int16_t error, char number[KAFKA_NUMBER])
{
	if (error == -1)
		return slice_of("UNKNOWN_SERVER_ERROR");
	if (error > 0 && (size_t)error < sizeof(errors) / sizeof(errors[0]) && errors[error])
		return slice_of(errors[error]);
	snprintf(number, KAFKA_NUMBER, "%d", error);
	return slice_of(number);
}

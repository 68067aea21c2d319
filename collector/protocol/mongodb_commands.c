/* SPDX-License-Identifier: Apache-2.0 */
/* MongoDB's commands by name. Only what stands here becomes the name of an operation. */
#include "mongodb.h"

/* Sorted by byte: capitals come first. */
/* clang-format off */
const struct mongodb_command mongodb_commands[] = {
	{"abortTransaction", 0}, {"aggregate", MONGODB_NAMES}, {"authenticate", 0},
	{"autoCompact", 0}, {"balancerStart", 0}, {"balancerStatus", 0}, {"balancerStop", 0},
	{"buildInfo", 0}, {"buildinfo", 0}, {"bulkWrite", 0}, {"cloneCollectionAsCapped", 0},
	{"collMod", MONGODB_NAMES}, {"collStats", MONGODB_NAMES}, {"commitTransaction", 0},
	{"compact", MONGODB_NAMES}, {"connPoolStats", 0}, {"connectionStatus", 0},
	{"convertToCapped", MONGODB_NAMES}, {"count", MONGODB_NAMES}, {"create", MONGODB_NAMES},
	{"createIndexes", MONGODB_NAMES}, {"createRole", 0},
	{"createSearchIndexes", MONGODB_NAMES}, {"createUser", 0}, {"currentOp", 0},
	{"dataSize", 0}, {"dbHash", 0}, {"dbStats", 0}, {"dbstats", 0}, {"delete", MONGODB_NAMES},
	{"deleteIndexes", MONGODB_NAMES}, {"distinct", MONGODB_NAMES}, {"drop", MONGODB_NAMES},
	{"dropAllRolesFromDatabase", 0}, {"dropAllUsersFromDatabase", 0}, {"dropConnections", 0},
	{"dropDatabase", 0}, {"dropIndexes", MONGODB_NAMES}, {"dropRole", 0},
	{"dropSearchIndex", MONGODB_NAMES}, {"dropUser", 0}, {"endSessions", 0}, {"explain", 0},
	{"filemd5", 0}, {"find", MONGODB_NAMES}, {"findAndModify", MONGODB_NAMES},
	{"findandmodify", MONGODB_NAMES}, {"fsync", 0}, {"fsyncUnlock", 0},
	{"getClusterParameter", 0}, {"getCmdLineOpts", 0}, {"getLastError", 0}, {"getLog", 0},
	{"getMore", MONGODB_GET_MORE}, {"getParameter", 0}, {"getlasterror", 0}, {"getnonce", 0},
	{"grantPrivilegesToRole", 0}, {"grantRolesToRole", 0}, {"grantRolesToUser", 0},
	{"hello", MONGODB_HELLO}, {"hostInfo", 0}, {"insert", MONGODB_NAMES},
	{"invalidateUserCache", 0}, {"isMaster", MONGODB_HELLO}, {"isdbgrid", 0},
	{"ismaster", MONGODB_HELLO}, {"killAllSessions", 0}, {"killAllSessionsByPattern", 0},
	{"killCursors", MONGODB_NAMES}, {"killOp", 0}, {"killSessions", 0}, {"listCollections", 0},
	{"listCommands", 0}, {"listDatabases", 0}, {"listIndexes", MONGODB_NAMES},
	{"listSearchIndexes", MONGODB_NAMES}, {"listShards", 0}, {"lockInfo", 0}, {"logRotate", 0},
	{"logout", 0}, {"mapReduce", MONGODB_NAMES}, {"mapreduce", MONGODB_NAMES},
	{"moveChunk", 0}, {"moveCollection", 0}, {"ping", 0}, {"planCacheClear", MONGODB_NAMES},
	{"planCacheClearFilters", MONGODB_NAMES}, {"planCacheListFilters", MONGODB_NAMES},
	{"planCacheSetFilter", MONGODB_NAMES}, {"profile", 0}, {"reIndex", MONGODB_NAMES},
	{"refreshSessions", 0}, {"renameCollection", 0}, {"replSetFreeze", 0},
	{"replSetGetConfig", 0}, {"replSetGetStatus", 0}, {"replSetHeartbeat", 0},
	{"replSetInitiate", 0}, {"replSetReconfig", 0}, {"replSetStepDown", 0},
	{"replSetSyncFrom", 0}, {"replSetUpdatePosition", 0}, {"resetError", 0},
	{"revokePrivilegesFromRole", 0}, {"revokeRolesFromRole", 0}, {"revokeRolesFromUser", 0},
	{"rolesInfo", 0}, {"rotateCertificates", 0}, {"saslContinue", 0}, {"saslStart", 0},
	{"serverStatus", 0}, {"setClusterParameter", 0}, {"setFeatureCompatibilityVersion", 0},
	{"setParameter", 0}, {"setProfilingLevel", 0}, {"shardCollection", 0},
	{"shardingState", 0}, {"shutdown", 0}, {"split", 0}, {"startSession", 0}, {"top", 0},
	{"update", MONGODB_NAMES}, {"updateRole", 0}, {"updateSearchIndex", MONGODB_NAMES},
	{"updateUser", 0}, {"usersInfo", 0}, {"validate", MONGODB_NAMES},
	{"validateDBMetadata", 0}, {"whatsmyuri", 0},
};
/* clang-format on */

const unsigned int mongodb_commands_n = sizeof(mongodb_commands) / sizeof(*mongodb_commands);

static int compare(struct slice name, const char *other)
{
	size_t n = strlen(other);
	int order = memcmp(name.p, other, name.n < n ? name.n : n);

	return order ? order : name.n < n ? -1 : name.n > n;
}

const struct mongodb_command *mongodb_command(struct slice name)
{
	unsigned int low = 0, high = mongodb_commands_n;

	while (low < high) {
		unsigned int middle = (low + high) / 2;
		int order = compare(name, mongodb_commands[middle].name);

		if (order == 0)
			return &mongodb_commands[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of Redis up to 8, of its modules and of Sentinel, by name. Only what stands here
 * becomes the name of an operation: anything else that a client sends in a command's place is an
 * argument gone astray as likely as a command.
 */
#include "redis.h"

/* Sorted: a byte of 0 after a name's end comes before any other. */
/* clang-format off */
const struct redis_command redis_commands[] = {
	{"ACL", 3, REDIS_TWO_WORDS}, {"ACL CAT", 7, 0}, {"ACL DELUSER", 11, 0},
	{"ACL DRYRUN", 10, 0}, {"ACL GENPASS", 11, 0}, {"ACL GETUSER", 11, 0}, {"ACL HELP", 8, 0},
	{"ACL LIST", 8, 0}, {"ACL LOAD", 8, 0}, {"ACL LOG", 7, 0}, {"ACL SAVE", 8, 0},
	{"ACL SETUSER", 11, 0}, {"ACL USERS", 9, 0}, {"ACL WHOAMI", 10, 0}, {"APPEND", 6, 0},
	{"ASKING", 6, 0}, {"AUTH", 4, 0}, {"BF.ADD", 6, 0}, {"BF.CARD", 7, 0}, {"BF.EXISTS", 9, 0},
	{"BF.INFO", 7, 0}, {"BF.INSERT", 9, 0}, {"BF.LOADCHUNK", 12, 0}, {"BF.MADD", 7, 0},
	{"BF.MEXISTS", 10, 0}, {"BF.RESERVE", 10, 0}, {"BF.SCANDUMP", 11, 0},
	{"BGREWRITEAOF", 12, 0}, {"BGSAVE", 6, 0}, {"BITCOUNT", 8, 0}, {"BITFIELD", 8, 0},
	{"BITFIELD_RO", 11, 0}, {"BITOP", 5, 0}, {"BITPOS", 6, 0}, {"BLMOVE", 6, REDIS_BLOCKS},
	{"BLMPOP", 6, REDIS_BLOCKS}, {"BLPOP", 5, REDIS_BLOCKS}, {"BRPOP", 5, REDIS_BLOCKS},
	{"BRPOPLPUSH", 10, REDIS_BLOCKS}, {"BZMPOP", 6, REDIS_BLOCKS},
	{"BZPOPMAX", 8, REDIS_BLOCKS}, {"BZPOPMIN", 8, REDIS_BLOCKS}, {"CF.ADD", 6, 0},
	{"CF.ADDNX", 8, 0}, {"CF.COUNT", 8, 0}, {"CF.DEL", 6, 0}, {"CF.EXISTS", 9, 0},
	{"CF.INFO", 7, 0}, {"CF.INSERT", 9, 0}, {"CF.INSERTNX", 11, 0}, {"CF.LOADCHUNK", 12, 0},
	{"CF.MEXISTS", 10, 0}, {"CF.RESERVE", 10, 0}, {"CF.SCANDUMP", 11, 0},
	{"CLIENT", 6, REDIS_TWO_WORDS}, {"CLIENT CACHING", 14, 0}, {"CLIENT GETNAME", 14, 0},
	{"CLIENT GETREDIR", 15, 0}, {"CLIENT HELP", 11, 0}, {"CLIENT ID", 9, 0},
	{"CLIENT INFO", 11, 0}, {"CLIENT KILL", 11, 0}, {"CLIENT LIST", 11, 0},
	{"CLIENT NO-EVICT", 15, 0}, {"CLIENT NO-TOUCH", 15, 0}, {"CLIENT PAUSE", 12, 0},
	{"CLIENT REPLY", 12, REDIS_REPLY_WORD}, {"CLIENT SETINFO", 14, 0},
	{"CLIENT SETNAME", 14, 0}, {"CLIENT TRACKING", 15, 0}, {"CLIENT TRACKINGINFO", 19, 0},
	{"CLIENT UNBLOCK", 14, 0}, {"CLIENT UNPAUSE", 14, 0}, {"CLUSTER", 7, REDIS_TWO_WORDS},
	{"CLUSTER ADDSLOTS", 16, 0}, {"CLUSTER ADDSLOTSRANGE", 21, 0},
	{"CLUSTER BUMPEPOCH", 17, 0}, {"CLUSTER COUNT-FAILURE-REPORTS", 29, 0},
	{"CLUSTER COUNTKEYSINSLOT", 23, 0}, {"CLUSTER DELSLOTS", 16, 0},
	{"CLUSTER DELSLOTSRANGE", 21, 0}, {"CLUSTER FAILOVER", 16, 0},
	{"CLUSTER FLUSHSLOTS", 18, 0}, {"CLUSTER FORGET", 14, 0}, {"CLUSTER GETKEYSINSLOT", 21, 0},
	{"CLUSTER HELP", 12, 0}, {"CLUSTER INFO", 12, 0}, {"CLUSTER KEYSLOT", 15, 0},
	{"CLUSTER LINKS", 13, 0}, {"CLUSTER MEET", 12, 0}, {"CLUSTER MIGRATION", 17, 0},
	{"CLUSTER MYID", 12, 0}, {"CLUSTER MYSHARDID", 17, 0}, {"CLUSTER NODES", 13, 0},
	{"CLUSTER REPLICAS", 16, 0}, {"CLUSTER REPLICATE", 17, 0}, {"CLUSTER RESET", 13, 0},
	{"CLUSTER SAVECONFIG", 18, 0}, {"CLUSTER SET-CONFIG-EPOCH", 24, 0},
	{"CLUSTER SETSLOT", 15, 0}, {"CLUSTER SHARDS", 14, 0}, {"CLUSTER SLAVES", 14, 0},
	{"CLUSTER SLOT-STATS", 18, 0}, {"CLUSTER SLOTS", 13, 0}, {"CMS.INCRBY", 10, 0},
	{"CMS.INFO", 8, 0}, {"CMS.INITBYDIM", 13, 0}, {"CMS.INITBYPROB", 14, 0},
	{"CMS.MERGE", 9, 0}, {"CMS.QUERY", 9, 0}, {"COMMAND", 7, REDIS_TWO_WORDS},
	{"COMMAND COUNT", 13, 0}, {"COMMAND DOCS", 12, 0}, {"COMMAND GETKEYS", 15, 0},
	{"COMMAND GETKEYSANDFLAGS", 23, 0}, {"COMMAND HELP", 12, 0}, {"COMMAND INFO", 12, 0},
	{"COMMAND LIST", 12, 0}, {"COMMANDLOG", 10, REDIS_TWO_WORDS}, {"COMMANDLOG GET", 14, 0},
	{"COMMANDLOG LEN", 14, 0}, {"COMMANDLOG RESET", 16, 0}, {"CONFIG", 6, REDIS_TWO_WORDS},
	{"CONFIG GET", 10, 0}, {"CONFIG HELP", 11, 0}, {"CONFIG RESETSTAT", 16, 0},
	{"CONFIG REWRITE", 14, 0}, {"CONFIG SET", 10, 0}, {"COPY", 4, 0}, {"DBSIZE", 6, 0},
	{"DEBUG", 5, 0}, {"DECR", 4, 0}, {"DECRBY", 6, 0}, {"DEL", 3, 0}, {"DELEX", 5, 0},
	{"DIGEST", 6, 0}, {"DISCARD", 7, REDIS_DISCARD}, {"DUMP", 4, 0}, {"ECHO", 4, 0},
	{"EVAL", 4, 0}, {"EVALSHA", 7, 0}, {"EVALSHA_RO", 10, 0}, {"EVAL_RO", 7, 0},
	{"EXEC", 4, REDIS_EXEC}, {"EXISTS", 6, 0}, {"EXPIRE", 6, 0}, {"EXPIREAT", 8, 0},
	{"EXPIRETIME", 10, 0}, {"FAILOVER", 8, 0}, {"FCALL", 5, 0}, {"FCALL_RO", 8, 0},
	{"FLUSHALL", 8, 0}, {"FLUSHDB", 7, 0}, {"FT.AGGREGATE", 12, 0}, {"FT.ALIASADD", 11, 0},
	{"FT.ALIASDEL", 11, 0}, {"FT.ALIASUPDATE", 14, 0}, {"FT.ALTER", 8, 0}, {"FT.CONFIG", 9, 0},
	{"FT.CREATE", 9, 0}, {"FT.CURSOR", 9, 0}, {"FT.DICTADD", 10, 0}, {"FT.DICTDEL", 10, 0},
	{"FT.DICTDUMP", 11, 0}, {"FT.DROPINDEX", 12, 0}, {"FT.EXPLAIN", 10, 0},
	{"FT.EXPLAINCLI", 13, 0}, {"FT.HYBRID", 9, 0}, {"FT.INFO", 7, 0}, {"FT.PROFILE", 10, 0},
	{"FT.SEARCH", 9, 0}, {"FT.SPELLCHECK", 13, 0}, {"FT.SUGADD", 9, 0}, {"FT.SUGDEL", 9, 0},
	{"FT.SUGGET", 9, 0}, {"FT.SUGLEN", 9, 0}, {"FT.SYNDUMP", 10, 0}, {"FT.SYNUPDATE", 12, 0},
	{"FT.TAGVALS", 10, 0}, {"FT._LIST", 8, 0}, {"FUNCTION", 8, REDIS_TWO_WORDS},
	{"FUNCTION DELETE", 15, 0}, {"FUNCTION DUMP", 13, 0}, {"FUNCTION FLUSH", 14, 0},
	{"FUNCTION HELP", 13, 0}, {"FUNCTION KILL", 13, 0}, {"FUNCTION LIST", 13, 0},
	{"FUNCTION LOAD", 13, 0}, {"FUNCTION RESTORE", 16, 0}, {"FUNCTION STATS", 14, 0},
	{"GEOADD", 6, 0}, {"GEODIST", 7, 0}, {"GEOHASH", 7, 0}, {"GEOPOS", 6, 0},
	{"GEORADIUS", 9, 0}, {"GEORADIUSBYMEMBER", 17, 0}, {"GEORADIUSBYMEMBER_RO", 20, 0},
	{"GEORADIUS_RO", 12, 0}, {"GEOSEARCH", 9, 0}, {"GEOSEARCHSTORE", 14, 0}, {"GET", 3, 0},
	{"GETBIT", 6, 0}, {"GETDEL", 6, 0}, {"GETEX", 5, 0}, {"GETRANGE", 8, 0}, {"GETSET", 6, 0},
	{"HDEL", 4, 0}, {"HELLO", 5, 0}, {"HEXISTS", 7, 0}, {"HEXPIRE", 7, 0}, {"HEXPIREAT", 9, 0},
	{"HEXPIRETIME", 11, 0}, {"HGET", 4, 0}, {"HGETALL", 7, 0}, {"HGETDEL", 7, 0},
	{"HGETEX", 6, 0}, {"HINCRBY", 7, 0}, {"HINCRBYFLOAT", 12, 0}, {"HKEYS", 5, 0},
	{"HLEN", 4, 0}, {"HMGET", 5, 0}, {"HMSET", 5, 0}, {"HPERSIST", 8, 0}, {"HPEXPIRE", 8, 0},
	{"HPEXPIREAT", 10, 0}, {"HPEXPIRETIME", 12, 0}, {"HPTTL", 5, 0}, {"HRANDFIELD", 10, 0},
	{"HSCAN", 5, 0}, {"HSET", 4, 0}, {"HSETEX", 6, 0}, {"HSETNX", 6, 0}, {"HSTRLEN", 7, 0},
	{"HTTL", 4, 0}, {"HVALS", 5, 0}, {"INCR", 4, 0}, {"INCRBY", 6, 0}, {"INCRBYFLOAT", 11, 0},
	{"INFO", 4, 0}, {"JSON.ARRAPPEND", 14, 0}, {"JSON.ARRINDEX", 13, 0},
	{"JSON.ARRINSERT", 14, 0}, {"JSON.ARRLEN", 11, 0}, {"JSON.ARRPOP", 11, 0},
	{"JSON.ARRTRIM", 12, 0}, {"JSON.CLEAR", 10, 0}, {"JSON.DEBUG", 10, 0}, {"JSON.DEL", 8, 0},
	{"JSON.FORGET", 11, 0}, {"JSON.GET", 8, 0}, {"JSON.MERGE", 10, 0}, {"JSON.MGET", 9, 0},
	{"JSON.MSET", 9, 0}, {"JSON.NUMINCRBY", 14, 0}, {"JSON.NUMMULTBY", 14, 0},
	{"JSON.OBJKEYS", 12, 0}, {"JSON.OBJLEN", 11, 0}, {"JSON.RESP", 9, 0}, {"JSON.SET", 8, 0},
	{"JSON.STRAPPEND", 14, 0}, {"JSON.STRLEN", 11, 0}, {"JSON.TOGGLE", 11, 0},
	{"JSON.TYPE", 9, 0}, {"KEYS", 4, 0}, {"LASTSAVE", 8, 0}, {"LATENCY", 7, REDIS_TWO_WORDS},
	{"LATENCY DOCTOR", 14, 0}, {"LATENCY GRAPH", 13, 0}, {"LATENCY HELP", 12, 0},
	{"LATENCY HISTOGRAM", 17, 0}, {"LATENCY HISTORY", 15, 0}, {"LATENCY LATEST", 14, 0},
	{"LATENCY RESET", 13, 0}, {"LCS", 3, 0}, {"LINDEX", 6, 0}, {"LINSERT", 7, 0},
	{"LLEN", 4, 0}, {"LMOVE", 5, 0}, {"LMPOP", 5, 0}, {"LOLWUT", 6, 0}, {"LPOP", 4, 0},
	{"LPOS", 4, 0}, {"LPUSH", 5, 0}, {"LPUSHX", 6, 0}, {"LRANGE", 6, 0}, {"LREM", 4, 0},
	{"LSET", 4, 0}, {"LTRIM", 5, 0}, {"MEMORY", 6, REDIS_TWO_WORDS}, {"MEMORY DOCTOR", 13, 0},
	{"MEMORY HELP", 11, 0}, {"MEMORY MALLOC-STATS", 19, 0}, {"MEMORY PURGE", 12, 0},
	{"MEMORY STATS", 12, 0}, {"MEMORY USAGE", 12, 0}, {"MGET", 4, 0}, {"MIGRATE", 7, 0},
	{"MODULE", 6, REDIS_TWO_WORDS}, {"MODULE HELP", 11, 0}, {"MODULE LIST", 11, 0},
	{"MODULE LOAD", 11, 0}, {"MODULE LOADEX", 13, 0}, {"MODULE UNLOAD", 13, 0},
	{"MONITOR", 7, REDIS_MONITOR}, {"MOVE", 4, 0}, {"MSET", 4, 0}, {"MSETEX", 6, 0},
	{"MSETNX", 6, 0}, {"MULTI", 5, 0}, {"OBJECT", 6, REDIS_TWO_WORDS},
	{"OBJECT ENCODING", 15, 0}, {"OBJECT FREQ", 11, 0}, {"OBJECT HELP", 11, 0},
	{"OBJECT IDLETIME", 15, 0}, {"OBJECT REFCOUNT", 15, 0}, {"PERSIST", 7, 0},
	{"PEXPIRE", 7, 0}, {"PEXPIREAT", 9, 0}, {"PEXPIRETIME", 11, 0}, {"PFADD", 5, 0},
	{"PFCOUNT", 7, 0}, {"PFDEBUG", 7, 0}, {"PFMERGE", 7, 0}, {"PFSELFTEST", 10, 0},
	{"PING", 4, 0}, {"PSETEX", 6, 0}, {"PSUBSCRIBE", 10, REDIS_SUBSCRIBES},
	{"PSYNC", 5, REDIS_REPLICATES}, {"PTTL", 4, 0}, {"PUBLISH", 7, 0},
	{"PUBSUB", 6, REDIS_TWO_WORDS}, {"PUBSUB CHANNELS", 15, 0}, {"PUBSUB HELP", 11, 0},
	{"PUBSUB NUMPAT", 13, 0}, {"PUBSUB NUMSUB", 13, 0}, {"PUBSUB SHARDCHANNELS", 20, 0},
	{"PUBSUB SHARDNUMSUB", 18, 0}, {"PUNSUBSCRIBE", 12, REDIS_SUBSCRIBES}, {"QUIT", 4, 0},
	{"RANDOMKEY", 9, 0}, {"READONLY", 8, 0}, {"READWRITE", 9, 0}, {"RENAME", 6, 0},
	{"RENAMENX", 8, 0}, {"REPLCONF", 8, 0}, {"REPLICAOF", 9, 0}, {"RESET", 5, REDIS_RESET},
	{"RESTORE", 7, 0}, {"RESTORE-ASKING", 14, 0}, {"ROLE", 4, 0}, {"RPOP", 4, 0},
	{"RPOPLPUSH", 9, 0}, {"RPUSH", 5, 0}, {"RPUSHX", 6, 0}, {"SADD", 4, 0}, {"SAVE", 4, 0},
	{"SCAN", 4, 0}, {"SCARD", 5, 0}, {"SCRIPT", 6, REDIS_TWO_WORDS}, {"SCRIPT DEBUG", 12, 0},
	{"SCRIPT EXISTS", 13, 0}, {"SCRIPT FLUSH", 12, 0}, {"SCRIPT HELP", 11, 0},
	{"SCRIPT KILL", 11, 0}, {"SCRIPT LOAD", 11, 0}, {"SDIFF", 5, 0}, {"SDIFFSTORE", 10, 0},
	{"SELECT", 6, REDIS_SELECT}, {"SENTINEL", 8, REDIS_TWO_WORDS},
	{"SENTINEL CKQUORUM", 17, 0}, {"SENTINEL FAILOVER", 17, 0},
	{"SENTINEL GET-MASTER-ADDR-BY-NAME", 32, 0}, {"SENTINEL IS-MASTER-DOWN-BY-ADDR", 31, 0},
	{"SENTINEL MASTER", 15, 0}, {"SENTINEL MASTERS", 16, 0}, {"SENTINEL MONITOR", 16, 0},
	{"SENTINEL MYID", 13, 0}, {"SENTINEL REMOVE", 15, 0}, {"SENTINEL REPLICAS", 17, 0},
	{"SENTINEL RESET", 14, 0}, {"SENTINEL SENTINELS", 18, 0}, {"SENTINEL SET", 12, 0},
	{"SENTINEL SLAVES", 15, 0}, {"SET", 3, 0}, {"SETBIT", 6, 0}, {"SETEX", 5, 0},
	{"SETNX", 5, 0}, {"SETRANGE", 8, 0}, {"SHUTDOWN", 8, 0}, {"SINTER", 6, 0},
	{"SINTERCARD", 10, 0}, {"SINTERSTORE", 11, 0}, {"SISMEMBER", 9, 0}, {"SLAVEOF", 7, 0},
	{"SLOWLOG", 7, REDIS_TWO_WORDS}, {"SLOWLOG GET", 11, 0}, {"SLOWLOG HELP", 12, 0},
	{"SLOWLOG LEN", 11, 0}, {"SLOWLOG RESET", 13, 0}, {"SMEMBERS", 8, 0},
	{"SMISMEMBER", 10, 0}, {"SMOVE", 5, 0}, {"SORT", 4, 0}, {"SORT_RO", 7, 0}, {"SPOP", 4, 0},
	{"SPUBLISH", 8, 0}, {"SRANDMEMBER", 11, 0}, {"SREM", 4, 0}, {"SSCAN", 5, 0},
	{"SSUBSCRIBE", 10, REDIS_SUBSCRIBES}, {"STRLEN", 6, 0}, {"SUBSCRIBE", 9, REDIS_SUBSCRIBES},
	{"SUBSTR", 6, 0}, {"SUNION", 6, 0}, {"SUNIONSTORE", 11, 0},
	{"SUNSUBSCRIBE", 12, REDIS_SUBSCRIBES}, {"SWAPDB", 6, 0}, {"SYNC", 4, REDIS_REPLICATES},
	{"TDIGEST.ADD", 11, 0}, {"TDIGEST.BYRANK", 14, 0}, {"TDIGEST.BYREVRANK", 17, 0},
	{"TDIGEST.CDF", 11, 0}, {"TDIGEST.CREATE", 14, 0}, {"TDIGEST.INFO", 12, 0},
	{"TDIGEST.MAX", 11, 0}, {"TDIGEST.MERGE", 13, 0}, {"TDIGEST.MIN", 11, 0},
	{"TDIGEST.QUANTILE", 16, 0}, {"TDIGEST.RANK", 12, 0}, {"TDIGEST.RESET", 13, 0},
	{"TDIGEST.REVRANK", 15, 0}, {"TDIGEST.TRIMMED_MEAN", 20, 0}, {"TIME", 4, 0},
	{"TOPK.ADD", 8, 0}, {"TOPK.COUNT", 10, 0}, {"TOPK.INCRBY", 11, 0}, {"TOPK.INFO", 9, 0},
	{"TOPK.LIST", 9, 0}, {"TOPK.QUERY", 10, 0}, {"TOPK.RESERVE", 12, 0}, {"TOUCH", 5, 0},
	{"TS.ADD", 6, 0}, {"TS.ALTER", 8, 0}, {"TS.CREATE", 9, 0}, {"TS.CREATERULE", 13, 0},
	{"TS.DECRBY", 9, 0}, {"TS.DEL", 6, 0}, {"TS.DELETERULE", 13, 0}, {"TS.GET", 6, 0},
	{"TS.INCRBY", 9, 0}, {"TS.INFO", 7, 0}, {"TS.MADD", 7, 0}, {"TS.MGET", 7, 0},
	{"TS.MRANGE", 9, 0}, {"TS.MREVRANGE", 12, 0}, {"TS.QUERYINDEX", 13, 0}, {"TS.RANGE", 8, 0},
	{"TS.REVRANGE", 11, 0}, {"TTL", 3, 0}, {"TYPE", 4, 0}, {"UNLINK", 6, 0},
	{"UNSUBSCRIBE", 11, REDIS_SUBSCRIBES}, {"UNWATCH", 7, 0}, {"VADD", 4, 0}, {"VCARD", 5, 0},
	{"VDIM", 4, 0}, {"VEMB", 4, 0}, {"VGETATTR", 8, 0}, {"VINFO", 5, 0}, {"VISMEMBER", 9, 0},
	{"VLINKS", 6, 0}, {"VRANDMEMBER", 11, 0}, {"VRANGE", 6, 0}, {"VREM", 4, 0},
	{"VSETATTR", 8, 0}, {"VSIM", 4, 0}, {"WAIT", 4, REDIS_BLOCKS},
	{"WAITAOF", 7, REDIS_BLOCKS}, {"WATCH", 5, 0}, {"XACK", 4, 0}, {"XACKDEL", 7, 0},
	{"XADD", 4, 0}, {"XAUTOCLAIM", 10, 0}, {"XCFGSET", 7, 0}, {"XCLAIM", 6, 0}, {"XDEL", 4, 0},
	{"XDELEX", 6, 0}, {"XGROUP", 6, REDIS_TWO_WORDS}, {"XGROUP CREATE", 13, 0},
	{"XGROUP CREATECONSUMER", 21, 0}, {"XGROUP DELCONSUMER", 18, 0}, {"XGROUP DESTROY", 14, 0},
	{"XGROUP HELP", 11, 0}, {"XGROUP SETID", 12, 0}, {"XINFO", 5, REDIS_TWO_WORDS},
	{"XINFO CONSUMERS", 15, 0}, {"XINFO GROUPS", 12, 0}, {"XINFO HELP", 10, 0},
	{"XINFO STREAM", 12, 0}, {"XLEN", 4, 0}, {"XPENDING", 8, 0}, {"XRANGE", 6, 0},
	{"XREAD", 5, REDIS_BLOCK_WORD}, {"XREADGROUP", 10, REDIS_BLOCK_WORD}, {"XREVRANGE", 9, 0},
	{"XSETID", 6, 0}, {"XTRIM", 5, 0}, {"ZADD", 4, 0}, {"ZCARD", 5, 0}, {"ZCOUNT", 6, 0},
	{"ZDIFF", 5, 0}, {"ZDIFFSTORE", 10, 0}, {"ZINCRBY", 7, 0}, {"ZINTER", 6, 0},
	{"ZINTERCARD", 10, 0}, {"ZINTERSTORE", 11, 0}, {"ZLEXCOUNT", 9, 0}, {"ZMPOP", 5, 0},
	{"ZMSCORE", 7, 0}, {"ZPOPMAX", 7, 0}, {"ZPOPMIN", 7, 0}, {"ZRANDMEMBER", 11, 0},
	{"ZRANGE", 6, 0}, {"ZRANGEBYLEX", 11, 0}, {"ZRANGEBYSCORE", 13, 0}, {"ZRANGESTORE", 11, 0},
	{"ZRANK", 5, 0}, {"ZREM", 4, 0}, {"ZREMRANGEBYLEX", 14, 0}, {"ZREMRANGEBYRANK", 15, 0},
	{"ZREMRANGEBYSCORE", 16, 0}, {"ZREVRANGE", 9, 0}, {"ZREVRANGEBYLEX", 14, 0},
	{"ZREVRANGEBYSCORE", 16, 0}, {"ZREVRANK", 8, 0}, {"ZSCAN", 5, 0}, {"ZSCORE", 6, 0},
	{"ZUNION", 6, 0}, {"ZUNIONSTORE", 11, 0},
};
/* clang-format on */

const unsigned int redis_commands_n = sizeof(redis_commands) / sizeof(*redis_commands);

static void upper(char *to, struct slice from)
{
	for (size_t i = 0; i < from.n; i++) {
		unsigned char c = (unsigned char)from.p[i];

		to[i] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
	}
}

/* The first eight bytes as a number, so that most comparisons are one. */
static uint64_t beginning(const char *name)
{
	uint64_t v;

	memcpy(&v, name, sizeof(v));
	return __builtin_bswap64(v);
}

static int compare(uint64_t begins, const char *name, const struct redis_command *command)
{
	uint64_t other = beginning(command->name);

	if (begins != other)
		return begins < other ? -1 : 1;
	return memcmp(name, command->name, REDIS_NAME_MAX);
}

const struct redis_command *redis_command(struct slice first, struct slice second)
{
	char name[REDIS_NAME_MAX] = {0};
	unsigned int low = 0, high = redis_commands_n;
	uint64_t begins;

	if (first.n == 0 || first.n + second.n + 1 > REDIS_NAME_MAX)
		return NULL;
	upper(name, first);
	if (second.n) {
		name[first.n] = ' ';
		upper(name + first.n + 1, second);
	}
	begins = beginning(name);
	while (low < high) {
		unsigned int middle = (low + high) / 2;
		int order = compare(begins, name, &redis_commands[middle]);

		if (order == 0)
			return &redis_commands[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/http_payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static char told[512];

/* "PROTOCOL OPERATION COLLECTION[ failed CODE]", or "-". */
static const char *find(uint64_t on, const char *method_and_target, const char *fields,
			const char *body, uint16_t status, const char *answer)
{
	static char text[2048];
	struct http1_request r;
	struct http_payload payload;
	struct exchange x = {.status = status};

	snprintf(text, sizeof(text), "%s HTTP/1.1\r\n%s\r\n%s", method_and_target, fields, body);
	assert_int_equal(http1_parse_request(text, strlen(text), &r), HTTP1_WHOLE);
	if (!http_payload_find(on, &r, &payload))
		return "-";
	http_payload_apply(&payload, http_payload_error(payload.protocol, slice_of(answer)), &x);
	snprintf(told, sizeof(told), "%d %.*s %.*s%s%.*s", x.protocol, (int)x.operation.n,
		 x.operation.p, (int)x.collection.n, x.collection.p, x.failed ? " failed " : "",
		 (int)x.code.n, x.code.p ? x.code.p : "");
	return told;
}

static void is(enum protocol protocol, const char *rest, const char *got)
{
	char want[512];

	snprintf(want, sizeof(want), "%d %s", protocol, rest);
	assert_string_equal(got, want);
}

#define ALL (~0ull)
#define S3_HOST "Host: pics.s3.eu-west-1.amazonaws.com\r\n"

static void test_elasticsearch(void **state)
{
	enum protocol es = PROTOCOL_ELASTICSEARCH;

	(void)state;
	is(es, "search shop", find(ALL, "POST /shop/_search?q=s3cret", "", "{}", 200, ""));
	is(es, "search ", find(ALL, "GET /_search", "", "", 200, ""));
	is(es, "bulk ", find(ALL, "POST /_bulk", "", "", 200, ""));
	is(es, "index shop", find(ALL, "PUT /shop/_doc/1", "", "{}", 201, ""));
	is(es, "get shop failed 404", find(ALL, "GET /shop/_doc/1", "", "", 404, ""));
	is(es, "delete shop failed 500", find(ALL, "DELETE /shop/_doc/1", "", "", 500, ""));
	is(es, "update shop",
	   find(1ull << PROTOCOL_OPENSEARCH, "POST /shop/_update/1", "", "{}", 200, ""));
	assert_string_equal(find(ALL, "GET /shop/_nothing", "", "", 200, ""), "-");
	assert_string_equal(find(ALL, "GET /_doc", "", "", 200, ""), "-");
	assert_string_equal(find(ALL, "GET /", "", "", 200, ""), "-");
	assert_string_equal(find(ALL, "GET /a/b/c/_search", "", "", 200, ""), "-");
	assert_string_equal(find(0, "POST /shop/_search", "", "{}", 200, ""), "-");
	assert_string_equal(find(1ull << PROTOCOL_S3, "POST /shop/_search", "", "{}", 200, ""),
			    "-");
}

static void test_jsonrpc(void **state)
{
	static const char add[] =
		"{\"jsonrpc\": \"2.0\", \"method\": \"add\", \"params\": [1], \"id\": 1}";

	(void)state;
	is(PROTOCOL_JSONRPC, "add ",
	   find(ALL, "POST /rpc", "", add, 200, "{\"jsonrpc\":\"2.0\",\"result\":1}"));
	is(PROTOCOL_JSONRPC, "add  failed -32601",
	   find(ALL, "POST /rpc", "", add, 200,
		"{\"jsonrpc\":\"2.0\",\"error\":{\"message\":\"\\\"code\\\":1\",\"code\":-32601}"
		"}"));
	is(PROTOCOL_JSONRPC, "add  failed 500", find(ALL, "POST /rpc", "", add, 500, "oops"));
	/* the names stand in a value */
	assert_string_equal(find(ALL, "POST /rpc", "",
				 "{\"a\":{\"jsonrpc\":\"2.0\",\"method\":\"s3cret\"}}", 200, ""),
			    "-");
	assert_string_equal(
		find(ALL, "POST /rpc", "", "{\"a\":\"\\\"jsonrpc\\\":\\\"2.0\\\"\"}", 200, ""),
		"-");
	assert_string_equal(
		find(ALL, "POST /rpc", "", "{\"jsonrpc\":\"2.0\",\"method\":\"cut", 200, ""), "-");
	assert_string_equal(find(ALL, "GET /rpc", "", add, 200, ""), "-");
}

static void test_graphql(void **state)
{
	enum protocol g = PROTOCOL_GRAPHQL;

	(void)state;
	is(g, "query Cart",
	   find(ALL, "POST /graphql", "", "{\"query\":\"query Cart($id: ID!) { a }\"}", 200, ""));
	is(g, "query ",
	   find(ALL, "POST /v1/graphql?x", "", "{\"variables\":{},\"query\":\"{ a }\"}", 500, ""));
	is(g, "mutation Buy",
	   find(ALL, "POST /graphql", "", "{\"query\":\"\\n mutation Buy{a}\"}", 200, ""));
	is(g, "query ", find(ALL, "POST /graphql", "", "{\"query\":\"query Ca", 200, ""));
	assert_string_equal(find(ALL, "POST /graphql", "", "{\"query\":\"frag", 200, ""), "-");
	assert_string_equal(find(ALL, "POST /other", "", "{\"query\":\"{a}\"}", 200, ""), "-");
}

static void test_aws(void **state)
{
	(void)state;
	is(PROTOCOL_S3, "GetObject pics", find(ALL, "GET /a/b.png", S3_HOST, "", 200, ""));
	is(PROTOCOL_S3, "ListObjectsV2 pics", find(ALL, "GET /?list-type=2", S3_HOST, "", 200, ""));
	is(PROTOCOL_S3, "UploadPart pics",
	   find(ALL, "PUT /a?partNumber=1&uploadId=x", S3_HOST, "", 200, ""));
	is(PROTOCOL_S3, "PutObject pics",
	   find(ALL, "PUT /pics/a", "Host: s3.amazonaws.com\r\n", "", 200, ""));
	is(PROTOCOL_S3, "ListBuckets ",
	   find(ALL, "GET /", "Host: s3.amazonaws.com:443\r\n", "", 200, ""));
	assert_string_equal(find(ALL, "GET /a", "Host: s3.example.com\r\n", "", 200, ""), "-");
	assert_string_equal(find(ALL, "GET /a", "Host: ec2.amazonaws.com\r\n", "", 200, ""), "-");
	is(PROTOCOL_SQS, "SendMessage ",
	   find(ALL, "POST /", "X-Amz-Target: AmazonSQS.SendMessage\r\n", "{}", 200, ""));
	is(PROTOCOL_SQS, "ReceiveMessage jobs",
	   find(ALL, "POST /1234/jobs", "Host: sqs.eu-west-1.amazonaws.com\r\n",
		"Action=ReceiveMessage&x=1", 200, ""));
	assert_string_equal(
		find(ALL, "POST /", "X-Amz-Target: DynamoDB.GetItem\r\n", "{}", 200, ""), "-");
	assert_string_equal(find(ALL, "POST /", "X-Amz-Target: AmazonSQS.a b\r\n", "{}", 200, ""),
			    "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elasticsearch),
		cmocka_unit_test(test_jsonrpc),
		cmocka_unit_test(test_graphql),
		cmocka_unit_test(test_aws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

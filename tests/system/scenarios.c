/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#include <stdio.h>
#include <string.h>

#define S(NAME, ABOUT, ...) {.name = NAME, .about = ABOUT, .response_body = 30, __VA_ARGS__}

/* A later initializer of the same field replaces the default given by S(): that is wanted. */
/* clang-format off */
#pragma GCC diagnostic ignored "-Woverride-init"
const struct scenario scenarios[] = {
	S("write", "write and read", .call = CALL_WRITE),
	S("writev-2", "writev and readv, 2 segments", .call = CALL_WRITEV, .segments = 2),
	S("writev-5", "writev and readv, 5 segments", .call = CALL_WRITEV, .segments = 5),
	S("writev-16", "writev and readv, 16 segments", .call = CALL_WRITEV, .segments = 16,
	  .cookie = 400, .response_body = 400),
	S("sendto", "sendto and recvfrom", .call = CALL_SENDTO),
	S("sendmsg", "sendmsg and recvmsg, 1 segment", .call = CALL_SENDMSG),
	S("sendmsg-3", "sendmsg and recvmsg, 3 segments", .call = CALL_SENDMSG, .segments = 3),
	S("sendmmsg", "sendmmsg and recvmmsg, several messages per call", .call = CALL_SENDMMSG),
	S("pwritev2", "pwritev2 and preadv2, offset -1", .call = CALL_PWRITEV2),
	S("pwritev2-3", "pwritev2 and preadv2, 3 segments", .call = CALL_PWRITEV2, .segments = 3),
	S("nonblock", "O_NONBLOCK, poll after EAGAIN", .call = CALL_SENDTO, .flags = NONBLOCK),
	S("nonblock-10m", "likewise, 10 MB body: EAGAIN on writes too", .flags = NONBLOCK,
	  .response_body = 10000000, .requests = 1),
	S("segments-40", "the client sends 40 segments by one call", .client_call = CALL_WRITEV,
	  .client_segments = 40, .cookie = 400),
	S("peek", "MSG_PEEK before each read", .call = CALL_SENDTO, .flags = PEEK),
	S("trunc", "the client drops the body with MSG_TRUNC", .client_body_call = CALL_TRUNC,
	  .client_head_alone = true, .response_body = 5000),
	S("request-bytes", "the request by writes of 1 byte", .request_cut = 1),
	S("response-bytes", "the response by writes of 1 byte", .response_cut = 1),
	S("cookie-2000", "request head of more than 512 bytes", .cookie = 2000),
	S("cookie-6000", "request head of more than 4,096 bytes", .cookie = 6000),
	S("post", "a request body in the same call as its head", .method = "POST",
	  .request_body = 300, .status = 201),
	S("upload-1m", "a request body of 1 MB by 64 KiB writes", .method = "PUT",
	  .request_body = 1000000, .request_cut = 65536),
	S("body-10m", "a response body of 10 MB by 64 KiB writes", .response_body = 10000000,
	  .head_alone = true, .response_cut = 65536, .requests = 1),
	S("chunked", "a chunked response, one write per chunk", .flags = CHUNKED,
	  .head_alone = true, .response_body = 5 * CHUNK, .response_cut = CHUNK + 6),
	S("sendfile", "response head by write, body by sendfile", .head_alone = true,
	  .body_call = CALL_SENDFILE, .response_body = 20000),
	S("splice", "response head by write, body by splice from a pipe", .head_alone = true,
	  .body_call = CALL_SPLICE, .response_body = 20000),
	S("splice-client", "the client receives by splice to a pipe",
	  .client_body_call = CALL_SPLICE),
	S("splice-body", "the client reads the head and splices the body to a pipe",
	  .client_body_call = CALL_SPLICE, .client_head_alone = true, .response_body = 5000),
	S("zerocopy", "send with MSG_ZEROCOPY", .call = CALL_ZEROCOPY, .response_body = 40000),
#ifdef TRAFFIC_URING
	S("uring", "send and recv by io_uring", .call = CALL_URING),
	S("uring-msg-3", "sendmsg and recvmsg by io_uring, 3 segments", .call = CALL_URING,
	  .segments = 3),
	S("uring-client", "only the client uses io_uring", .client_call = CALL_URING),
	S("uring-sqpoll", "io_uring, submitted by a thread of the kernel's", .call = CALL_SQPOLL),
	S("uring-decoy", "receives by io_uring that end while other bytes are read",
	  .call = CALL_DECOY, .flags = TOGETHER),
#endif
	S("not-resident", "the response's head is unmapped before its send returns",
	  .flags = TOGETHER, .response_body = 1000000, .play = &play_absent),
	S("not-resident-iov", "the array of segments is unmapped before recvmsg returns",
	  .flags = TOGETHER, .play = &play_absent_iov),
	S("keep-alive", "100 requests on one connection", .requests = 100),
	S("fresh", "a connection for each request", .flags = FRESH),
	S("pipeline", "8 requests in one write, 8 responses in one", .requests = 2 * BATCH,
	  .flags = BATCHED, .play = &play_batches_at_once),
	S("pipeline-8", "8 requests in one write, 8 responses in 8", .requests = 2 * BATCH,
	  .flags = BATCHED, .play = &play_batches),
	S("expect", "Expect: 100-continue, the body after it", .method = "POST", .flags = EXPECT,
	  .request_body = 300),
	S("head", "HEAD: a length, no body", .method = "HEAD", .flags = NO_BODY),
	S("status-204", "204 without a body", .method = "DELETE", .status = 204,
	  .response_body = 0),
	S("status-304", "304: a length, no body", .status = 304, .flags = NO_BODY),
	S("status-404", "404", .status = 404),
	S("status-500", "500", .status = 500),
	S("upgrade", "101, then noise both ways", .status = 101, .flags = UPGRADE | FRESH,
	  .response_body = 0, .requests = 1, .play = &play_tunnel),
	S("connect", "CONNECT, then noise both ways", .method = "CONNECT", .flags = FRESH,
	  .response_body = 0, .requests = 1, .play = &play_tunnel),
	S("reset-middle", "the server resets in the middle of the response",
	  .flags = FRESH | SERVER_ENDS, .response_body = 2000, .play = &play_half),
	S("reset-before", "the server resets before any response", .flags = FRESH | SERVER_ENDS,
	  .play = &play_reset),
	S("client-closes", "the client closes in the middle of the response", .flags = FRESH,
	  .response_body = 2000, .play = &play_half),
	S("until-close", "a response that ends with the connection",
	  .flags = FRESH | UNTIL_CLOSE | SERVER_ENDS, .response_body = 3000, .response_cut = 1000),
	S("fin", "response and FIN in one segment, read by one call", .call = CALL_SENDTO,
	  .flags = FRESH | SERVER_ENDS, .play = &play_fin),
	S("threads", "two threads, a connection each, on both sides", .model = THREADS),
	S("many", "10,000 connections open at once, two requests on each", .model = MANY,
	  .requests = 10000 * ROUNDS),
	S("passed", "accepted by one process, passed to another by SCM_RIGHTS", .model = PASSED,
	  .flags = FRESH),
	S("prefork", "four processes accept on one listener", .model = PREFORK, .flags = FRESH,
	  .requests = 12),
	S("short-lived", "a process per connection on both sides, gone after it",
	  .model = SHORT_LIVED, .flags = FRESH),
	S("noise", "random bytes both ways", .flags = NOT_HTTP, .play = &play_noise),
	S("tls", "a record as TLS has it, both ways", .flags = NOT_HTTP, .play = &play_tls),
	S("text", "a text protocol that is not HTTP", .flags = NOT_HTTP, .play = &play_text),
	S("look-alikes", "what begins like HTTP and is not", .flags = NOT_HTTP,
	  .play = &play_look_alikes),
	S("bad-answer", "a request, answered by something else", .flags = FRESH,
	  .play = &play_wrong_door),
	{0},
};
/* clang-format on */

const struct scenario *scenario_find(const char *name)
{
	for (const struct scenario *s = scenarios; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

void scenario_target(const struct scenario *s, unsigned number, char *buf, size_t size)
{
	if (s->method && strcmp(s->method, "CONNECT") == 0)
		snprintf(buf, size, "%s-%u.test:443", s->name, number);
	else
		snprintf(buf, size, "/%s/%u", s->name, number);
}

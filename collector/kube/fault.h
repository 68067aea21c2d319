/* SPDX-License-Identifier: Apache-2.0 */
/* What can go wrong between a client and the API. */
#ifndef KEYHOLE_KUBE_FAULT_H
#define KEYHOLE_KUBE_FAULT_H

/* Why a request, or what came back, was of no use. X(ENUM, word in metrics). */
#define KUBE_FAULTS(X)                                                                             \
	X(NONE, "none")                                                                            \
	X(SECRET, "secret")   /* token, CA or key cannot be read */                                \
	X(CONNECT, "connect") /* no address, refused, unreachable */                               \
	X(TLS, "tls")                                                                              \
	X(TIMEOUT, "timeout")           /* no connection or no byte for too long */                \
	X(BROKEN, "broken")             /* the connection ended in the middle */                   \
	X(UNAUTHORIZED, "unauthorized") /* 401 */                                                  \
	X(FORBIDDEN, "forbidden")       /* 403 */                                                  \
	X(GONE, "gone")                 /* 410: the version is too old */                          \
	X(THROTTLED, "throttled")       /* 429, and 503 with Retry-After */                        \
	X(SERVER, "server")             /* 5xx */                                                  \
	X(STATUS, "status")             /* any other status but 200 */                             \
	X(GARBAGE, "garbage")           /* not what the API sends */                               \
	X(MEMORY, "memory")

enum kube_fault {
#define KUBE_X(e, word) KUBE_FAULT_##e,
	KUBE_FAULTS(KUBE_X)
#undef KUBE_X
		KUBE_FAULT_COUNT,
};

extern const char *const kube_fault_word[KUBE_FAULT_COUNT];

/* What a person can do about it. For FORBIDDEN kube_request_rule() has the better answer. */
const char *kube_fault_hint(enum kube_fault fault);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector: two threads and a resolver's, the mappings it was handed, sockets to the loader,
 * the API server, the exporters' ends and whoever scrapes. Landlock says which files and ports.
 */
#include "calls.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define ALLOW(name, why, ...)                                                                      \
	{                                                                                          \
		(name), POLICY_ALLOW, (why),                                                       \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

#define TYPE_BITS (0xffffffffULL & ~(uint64_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
#define SOCKET(domain, type, protocol, why)                                                        \
	ALLOW("socket", why, INT_IS(0, domain), BITS_ARE(1, TYPE_BITS, type), INT_IS(2, protocol))
#define OPTION(level, name, why) ALLOW("setsockopt", why, INT_IS(1, level), INT_IS(2, name))

/*
 * The flags of a thread, which shares everything, and of nothing else: no namespace (CLONE_NEW*),
 * no traced or adopted child. Flags about the thread's own bookkeeping are free.
 */
#define THREAD_MUST (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define THREAD_MAY                                                                                 \
	(CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID |                 \
	 CLONE_CHILD_CLEARTID | CLONE_DETACHED)

static const char threads[] = "threads: intake, front, libcurl's resolver";
static const char loader[] = "the loader's socket, nscd, wake-up pairs";
static const char tcp[] = "API server, OTLP, scrapes, DNS over TCP";
static const char udp[] = "DNS; getaddrinfo's ordering of addresses";
static const char addresses[] = "getaddrinfo, libcurl: which address families there are";
static const char network[] = "its connections";
static const char options[] = "libcurl, libmicrohttpd, the resolver";
static const char wakes[] = "waking the other thread: libcurl, libmicrohttpd";
static const char files[] = "token, CA, resolver's files; Landlock says which";
static const char record[] = "--record, opened before or allowed by Landlock";
static const char numbers[] = "its own use of memory and CPU, for its metrics";
static const char libs[] = "libc, libcurl, OpenSSL: asking about this process";

static const struct policy_call rows[] = {
	/*
	 * All but the free flags: exactly THREAD_MUST of them. clone(2) takes 32 bits, of which the
	 * lowest eight are a signal: none, for a thread.
	 */
	ALLOW("clone", threads, BITS_ARE(0, 0xffffffffULL & ~(uint64_t)THREAD_MAY, THREAD_MUST)),
	ALLOW("set_robust_list", threads),
	ALLOW("rseq", threads),
	ALLOW("sched_yield", threads),
	ALLOW("sched_getaffinity", threads),
	ALLOW("getcpu", threads),
	ALLOW("prctl", "thread names, which also are the sign to BPF", INT_IS(0, PR_SET_NAME)),
	ALLOW("prctl", "thread names", INT_IS(0, PR_GET_NAME)),
	ALLOW("prctl", "names of mappings (glibc 2.41)", INT_IS(0, 0x53564d41)), /* PR_SET_VMA */

	SOCKET(AF_UNIX, SOCK_SEQPACKET, 0, loader),
	SOCKET(AF_UNIX, SOCK_STREAM, 0, loader),
	SOCKET(AF_INET, SOCK_STREAM, 0, tcp),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP, tcp),
	SOCKET(AF_INET6, SOCK_STREAM, 0, tcp),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP, tcp),
	SOCKET(AF_INET, SOCK_DGRAM, 0, udp),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP, udp),
	SOCKET(AF_INET6, SOCK_DGRAM, 0, udp),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP, udp),
	SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, addresses),
	ALLOW("socketpair", wakes, INT_IS(0, AF_UNIX)),
	ALLOW("pipe", wakes),
	ALLOW("pipe2", wakes),
	ALLOW("eventfd2", wakes),
	ALLOW("connect", network),
	/* No listen: on a socket without an address it chooses a port, which Landlock does not see. */
	ALLOW("bind", network),
	ALLOW("accept", network),
	ALLOW("accept4", network),
	ALLOW("getsockname", network),
	ALLOW("getpeername", network),
	/* Landlock does not see the connection that a send with MSG_FASTOPEN makes. */
	ALLOW("sendto", network, BITS_ARE(3, MSG_FASTOPEN, 0)),
	ALLOW("sendmsg", network, BITS_ARE(2, MSG_FASTOPEN, 0)),
	ALLOW("sendmmsg", "the resolver: A and AAAA at once", BITS_ARE(3, MSG_FASTOPEN, 0)),
	ALLOW("recvfrom", network),
	ALLOW("recvmsg", network),
	ALLOW("recvmmsg", network),
	ALLOW("shutdown", network),
	ALLOW("select", network),
	ALLOW("pselect6", network),
	ALLOW("getsockopt", network),
	/* By option, because SO_ATTACH_FILTER and TCP_ULP reach code that has no place here. */
	OPTION(SOL_SOCKET, SO_REUSEADDR, options),
	OPTION(SOL_SOCKET, SO_REUSEPORT, options),
	OPTION(SOL_SOCKET, SO_KEEPALIVE, options),
	OPTION(SOL_SOCKET, SO_LINGER, options),
	OPTION(SOL_SOCKET, SO_SNDBUF, options),
	OPTION(SOL_SOCKET, SO_RCVBUF, options),
	OPTION(SOL_SOCKET, SO_SNDTIMEO, options),
	OPTION(SOL_SOCKET, SO_RCVTIMEO, options),
	OPTION(IPPROTO_TCP, TCP_NODELAY, options),
	OPTION(IPPROTO_TCP, TCP_CORK, options),
	OPTION(IPPROTO_TCP, TCP_KEEPIDLE, options),
	OPTION(IPPROTO_TCP, TCP_KEEPINTVL, options),
	OPTION(IPPROTO_TCP, TCP_KEEPCNT, options),
	OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT, options),
	OPTION(IPPROTO_TCP, TCP_FASTOPEN, options),
	OPTION(IPPROTO_IP, IP_RECVERR, options),
	OPTION(IPPROTO_IP, IP_MTU_DISCOVER, options),
	OPTION(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, options),
	OPTION(IPPROTO_IPV6, IPV6_RECVERR, options),
	OPTION(IPPROTO_IPV6, IPV6_MTU_DISCOVER, options),
	OPTION(IPPROTO_IPV6, IPV6_V6ONLY, options),
	ALLOW("ioctl", "sockets: blocking or not", INT_IS(1, FIONBIO)),
	ALLOW("ioctl", "sockets: how much waits", INT_IS(1, FIONREAD)),
	ALLOW("ioctl", "stdio: is it a terminal", INT_IS(1, TCGETS)),

	ALLOW("openat", files),
	ALLOW("open", files),
	ALLOW("stat", files),
	ALLOW("lstat", files),
	ALLOW("statx", files),
	ALLOW("access", files),
	ALLOW("faccessat", files),
	ALLOW("readlink", files),
	ALLOW("readlinkat", files),
	ALLOW("getdents64", files),
	ALLOW("getcwd", files),
	ALLOW("lseek", files),
	ALLOW("pread64", files),
	ALLOW("readv", files),
	ALLOW("pwrite64", record),
	ALLOW("ftruncate", record),
	ALLOW("fsync", record),
	ALLOW("fdatasync", record),
	ALLOW("fallocate", record),

	ALLOW("getrusage", numbers),
	ALLOW("times", numbers),
	ALLOW("prlimit64", "reading its limits", INT_IS(0, 0), LONG_IS(2, 0)),
	ALLOW("getrlimit", "reading its limits"),
	ALLOW("sysinfo", libs),
	ALLOW("uname", libs),
	ALLOW("getuid", libs),
	ALLOW("geteuid", libs),
	ALLOW("getgid", libs),
	ALLOW("getegid", libs),
	ALLOW("mlock", "keys out of swap, where RLIMIT_MEMLOCK lets it"),
	ALLOW("munlock", "keys out of swap, where RLIMIT_MEMLOCK lets it"),
};

const struct policy_table policy_collector_calls = {rows, sizeof(rows) / sizeof(rows[0])};

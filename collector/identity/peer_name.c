/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_name.h"

#include <arpa/inet.h>

static size_t append(char *buf, size_t used, size_t size, struct slice text)
{
	size_t n = text.n < size - used ? text.n : size - used;

	if (n)
		memcpy(buf + used, text.p, n);
	return used + n;
}

struct slice peer_name(const struct peer *peer, char *buf, size_t size)
{
	size_t n = append(buf, 0, size, slice_of(peer->service));

	if (*peer->service_namespace) {
		n = append(buf, n, size, slice_of("."));
		n = append(buf, n, size, slice_of(peer->service_namespace));
	}
	return (struct slice){buf, n};
}

size_t peer_name_of(void *peers, const struct exchange *exchange, char *buf, size_t size)
{
	struct peer peer;

	if (!peers_find(peers, exchange->conn.family, exchange->conn.raddr, exchange->start_ns,
			&peer))
		return 0;
	return peer_name(&peer, buf, size).n;
}

bool peer_is_address(struct slice text)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t ip[16];

	if (text.n >= sizeof(copy) || !text.n)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = 0;
	return inet_pton(AF_INET, copy, ip) == 1 || inet_pton(AF_INET6, copy, ip) == 1;
}

struct slice peer_name_or(struct slice name, const char *replacement)
{
	return *replacement && peer_is_address(name) ? slice_of(replacement) : name;
}

/* ---- full names of Services ---- */

#define LABEL_MAX 63 /* RFC 1123 */

static bool is_label(struct slice label)
{
	if (!label.n || label.n > LABEL_MAX)
		return false;
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i] | ('A' <= label.p[i] && label.p[i] <= 'Z' ? 0x20 : 0);
		bool inner = i > 0 && i + 1 < label.n;

		if (!(('a' <= c && c <= 'z') || ('0' <= c && c <= '9') || (c == '-' && inner)))
			return false;
	}
	return true;
}

static bool same_word(struct slice text, const char *word)
{
	if (text.n != strlen(word))
		return false;
	for (size_t i = 0; i < text.n; i++)
		if ((text.p[i] | 0x20) != word[i])
			return false;
	return true;
}

/* Takes the last label off, without its dot. */
static struct slice pop(struct slice *text)
{
	size_t from = text->n;
	struct slice label;

	while (from > 0 && text->p[from - 1] != '.')
		from--;
	label = (struct slice){text->p + from, text->n - from};
	text->n = from > 0 ? from - 1 : 0;
	return label;
}

static bool drop_port(struct slice *host)
{
	size_t n = host->n;

	while (n > 0 && host->p[n - 1] >= '0' && host->p[n - 1] <= '9')
		n--;
	if (n > 0 && host->p[n - 1] == ':')
		host->n = n - 1;
	if (host->n > 0 && host->p[host->n - 1] == '.')
		host->n--;
	return host->n > 0;
}

bool peer_name_split(struct slice host, struct slice *name, struct slice *namespace)
{
	struct slice label;

	if (!drop_port(&host))
		return false;
	label = pop(&host);
	if (same_word(label, "local")) {
		if (!same_word(pop(&host), "cluster"))
			return false;
		label = pop(&host);
	}
	if (!same_word(label, "svc"))
		return false;
	*namespace = pop(&host);
	*name = pop(&host);
	if (!is_label(*name) || !is_label(*namespace))
		return false;
	/* at most one more: the host name of a pod of a headless Service */
	return !host.n || is_label(host);
}

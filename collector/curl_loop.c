/* SPDX-License-Identifier: Apache-2.0 */
#include "curl_loop.h"

#include <stdlib.h>
#include <sys/epoll.h>

#define CONNECTIONS_KEPT 2L

struct curl_loop {
	struct loop *loop;
	CURLM *multi;
	curl_loop_done_fn done;
	void *arg;
};

static void collect(struct curl_loop *curl)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(curl->multi, &left))) {
		if (message->msg == CURLMSG_DONE)
			curl->done(curl->arg, message->easy_handle, message->data.result);
	}
}

static void on_socket(void *arg, int fd, uint32_t events)
{
	struct curl_loop *curl = arg;
	int flags = 0, running;

	if (events & EPOLLIN)
		flags |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		flags |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		flags |= CURL_CSELECT_ERR;
	curl_multi_socket_action(curl->multi, fd, flags, &running);
	collect(curl);
}

static void on_timeout(void *arg)
{
	struct curl_loop *curl = arg;
	int running;

	curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(curl);
}

static int wants_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
	struct curl_loop *curl = arg;
	uint32_t events = 0;
	int ret;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watched)
			loop_forget(curl->loop, fd);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (watched)
		ret = loop_change(curl->loop, fd, events);
	else
		ret = loop_watch(curl->loop, fd, events, on_socket, curl);
	if (ret)
		return -1;
	curl_multi_assign(curl->multi, fd, curl);
	return 0;
}

static int wants_timer(CURLM *multi, long ms, void *arg)
{
	struct curl_loop *curl = arg;

	(void)multi;
	if (ms < 0)
		loop_cancel(curl->loop, on_timeout, curl);
	else if (loop_after(curl->loop, (uint64_t)ms, on_timeout, curl))
		return -1;
	return 0;
}

struct curl_loop *curl_loop_new(struct loop *loop, curl_loop_done_fn done, void *arg)
{
	struct curl_loop *curl = calloc(1, sizeof(*curl));

	if (!curl)
		return NULL;
	*curl = (struct curl_loop){.loop = loop, .done = done, .arg = arg};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		curl->multi = curl_multi_init();
	if (!curl->multi) {
		free(curl);
		return NULL;
	}
	curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, wants_socket);
	curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
	curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, wants_timer);
	curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
	curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
	return curl;
}

void curl_loop_free(struct curl_loop *curl)
{
	if (!curl)
		return;
	curl_multi_cleanup(curl->multi);
	loop_cancel(curl->loop, on_timeout, curl);
	curl_global_cleanup();
	free(curl);
}

CURLM *curl_loop_multi(struct curl_loop *curl)
{
	return curl->multi;
}

bool curl_loop_head_fits(size_t *received, size_t more)
{
	*received += more;
	return *received <= CURL_HEAD_BYTES;
}

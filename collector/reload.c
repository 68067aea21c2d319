/* SPDX-License-Identifier: Apache-2.0 */
#include "reload.h"

#include "cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_MODULE "config"

/* What tells one content of the file from another; all zero while there is no file. */
struct look {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed, modified;
};

struct reload {
	struct reload_options o;
	struct reload_stats stats;
	int wake_fd;
	struct look read; /* what was read last */
	struct look seen; /* what the last look showed */
};

static struct look look_at(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct look){0};
	return (struct look){st.st_dev, st.st_ino, st.st_size, st.st_ctim, st.st_mtim};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same(const struct look *a, const struct look *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(&a->changed, &b->changed) && same_time(&a->modified, &b->modified);
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void set_time(struct reload *r)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	atomic_store_explicit(&r->stats.loaded_s, (uint64_t)now.tv_sec, memory_order_relaxed);
}

/* ---- from one configuration to the next ---- */

struct changes {
	unsigned live, later;
	bool routing; /* what a router is made of */
};

static void note_change(void *arg, const char *key, bool live)
{
	struct changes *c = arg;

	if (live)
		c->live++;
	else
		c->later++;
	if (strncmp(key, "routes.", 7) == 0 || strncmp(key, "discovery.", 10) == 0)
		c->routing = true;
}

static void say_later(void *arg, const char *key, bool live)
{
	if (!live)
		log_warn("%s changed; it takes effect at the next start", key);
}

static void say_changes(const struct config *before, const struct config *after,
			const struct changes *changes)
{
	config_compare(before, after, say_later, NULL);
	if (before->routes.given != after->routes.given)
		log_warn("routes %s; the label http_route follows at the next start",
			 after->routes.given ? "is a section now" : "is no section any more");
	log_info("configuration read again: %u option%s changed", changes->live,
		 changes->live == 1 ? "" : "s");
}

/* `config` belongs to the new book if all went well. */
static int follow(struct reload *r, struct config *config)
{
	const struct rulebook *latest = rulebooks_latest(r->o.books), *same_routes;
	struct changes changes = {0};
	struct rulebook *book;
	int err;

	config_compare(latest->config, config, note_change, &changes);
	if (latest->config->routes.given != config->routes.given)
		changes.routing = true;
	same_routes = changes.routing ? NULL : latest;
	err = rulebook_new(&book, config, latest->basis, same_routes);
	if (err)
		return err;
	err = r->o.prepare(r->o.arg, config);
	if (err) {
		rulebook_free(book, same_routes);
		return err;
	}
	book->owned = config;
	say_changes(latest->config, config, &changes);
	rulebooks_publish(r->o.books, book);
	log_set_level((enum log_level)config->log_level);
	log_set_format((enum log_format)config->log_format);
	return 0;
}

static void read_again(struct reload *r)
{
	struct config *config = NULL;
	struct notes notes = {0};
	int err;

	/* Before it is read: a change meanwhile is seen at the next look. */
	r->read = r->seen = look_at(r->o.path);
	err = config_read(&config, r->o.path, r->o.environment, &notes);
	if (!err)
		err = follow(r, config);
	if (!err) {
		count(&r->stats.ok);
		set_time(r);
		return;
	}
	config_free(config);
	count(&r->stats.failed);
	log_error("%s is not taken over, see above: the configuration before it stays in effect%s",
		  r->o.path,
		  err == -EACCES ? "; the collector's user must be able to read it" : "");
}

/* ---- when ---- */

static void on_timer(void *arg)
{
	struct reload *r = arg;
	struct look now = look_at(r->o.path);
	bool settled = same(&now, &r->seen);

	r->seen = now;
	if (settled && !same(&now, &r->read))
		read_again(r);
	rulebooks_reap(r->o.books);
	loop_after(r->o.loop, settled ? RELOAD_POLL_MS : RELOAD_SETTLE_MS, on_timer, r);
}

static void on_wake(void *arg, int fd, uint32_t events)
{
	struct reload *r = arg;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0)
		return;
	if (r->o.path)
		read_again(r);
	else
		log_info("SIGHUP: there is no configuration file to read again");
}

void reload_signal(struct reload *r)
{
	uint64_t one = 1;
	int saved_errno = errno;

	if (write(r->wake_fd, &one, sizeof(one)) < 0) {
		/* Full: it is asked for already. */
	}
	errno = saved_errno;
}

/* ---- life ---- */

int reload_start(struct reload **out, const struct reload_options *options)
{
	_cleanup_free_ struct reload *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->o = *options;
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = r->wake_fd < 0 ? -errno : loop_watch(r->o.loop, r->wake_fd, EPOLLIN, on_wake, r);
	if (!err && r->o.path) {
		r->read = r->seen = look_at(r->o.path);
		err = loop_after(r->o.loop, RELOAD_POLL_MS, on_timer, r);
	}
	if (err) {
		log_error("the configuration cannot be watched: %s", strerror(-err));
		if (r->wake_fd >= 0)
			close(r->wake_fd);
		return err;
	}
	set_time(r);
	*out = take_ptr(r);
	return 0;
}

void reload_stop(struct reload *r)
{
	if (!r)
		return;
	loop_cancel(r->o.loop, on_timer, r);
	loop_forget(r->o.loop, r->wake_fd);
	close(r->wake_fd);
	free(r);
}

const struct reload_stats *reload_stats(const struct reload *r)
{
	return &r->stats;
}

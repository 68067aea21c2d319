/* SPDX-License-Identifier: Apache-2.0 */
#include "where.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINKS_MAX 40 /* the kernel's own MAXSYMLINKS */
#define PROC_ROOT 1  /* its inode number, PROC_ROOT_INO */

struct way {
	char real[PATH_MAX];     /* where we are, without links; "" is the root */
	char todo[2 * PATH_MAX]; /* the names that are left */
};

static bool lies_on(const char *path, long type)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == type;
}

/* The name of a process's directory, if that is a procfs. */
static bool names_process(const char *dir, const char *name)
{
	struct stat st;

	if (strcmp(name, "self") != 0 && strcmp(name, "thread-self") != 0 &&
	    name[strspn(name, "0123456789")])
		return false;
	return lies_on(dir, PROC_SUPER_MAGIC) && stat(dir, &st) == 0 && st.st_ino == PROC_ROOT;
}

static bool is_tracing_by_name(const char *path)
{
	return strcmp(path, "/sys/kernel/tracing") == 0 || strcmp(path, "/sys/kernel/debug") == 0;
}

static bool is_tracing_by_type(const char *path)
{
	return lies_on(path, TRACEFS_MAGIC) || lies_on(path, DEBUGFS_MAGIC);
}

/* Takes the first name off the path; false at its end. */
static bool take_name(char *path, char name[NAME_MAX + 1])
{
	const char *from = path + strspn(path, "/");
	size_t n = strcspn(from, "/");

	if (n > NAME_MAX)
		n = NAME_MAX; /* no such name exists */
	memcpy(name, from, n);
	name[n] = 0;
	memmove(path, from + n, strlen(from + n) + 1);
	return n > 0;
}

static void up(char *real)
{
	char *slash = strrchr(real, '/');

	if (slash)
		*slash = 0;
}

static bool down(char *real, const char *name)
{
	size_t used = strlen(real), n = strlen(name);

	if (used + n + 2 > PATH_MAX)
		return false;
	real[used] = '/';
	memcpy(real + used + 1, name, n + 1);
	return true;
}

/* We stand on a link: what it says comes before the names that are left. */
static bool take_link(struct way *way)
{
	char link[PATH_MAX], rest[sizeof(way->todo)];
	ssize_t n = readlink(way->real, link, sizeof(link) - 1);

	if (n <= 0)
		return false;
	link[n] = 0;
	memcpy(rest, way->todo, sizeof(rest));
	if (snprintf(way->todo, sizeof(way->todo), "%s%s", link, rest) >= (int)sizeof(way->todo))
		return false;
	if (link[0] == '/')
		way->real[0] = 0;
	else
		up(way->real);
	return true;
}

/*
 * Goes down by one name. Returns 1 if that enters a place, 0 if it does not, -1 if there is no such
 * name.
 */
static int enter(struct way *way, const char *name, struct stat *st)
{
	bool process = names_process(way->real[0] ? way->real : "/", name);

	if (!down(way->real, name))
		return -1;
	if (process || is_tracing_by_name(way->real))
		return 1;
	if (lstat(way->real, st))
		return -1;
	return !S_ISLNK(st->st_mode) && is_tracing_by_type(way->real);
}

bool where_forbidden(const char *from, const char *path, bool follow, char place[PATH_MAX])
{
	struct way way = {.real = ""};
	char name[NAME_MAX + 1];
	struct stat st;
	int links = 0;

	snprintf(way.todo, sizeof(way.todo), "%s/%s", path[0] == '/' ? "" : from, path);
	while (take_name(way.todo, name)) {
		int entered;

		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			up(way.real);
			continue;
		}
		entered = enter(&way, name, &st);
		if (entered > 0)
			memcpy(place, way.real, sizeof(way.real));
		if (entered)
			return entered > 0;
		/* A slash after the last name has it followed in any case. */
		if (S_ISLNK(st.st_mode) && (follow || way.todo[0]) &&
		    (++links > LINKS_MAX || !take_link(&way)))
			return false;
	}
	return false;
}

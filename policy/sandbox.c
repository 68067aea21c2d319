/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capability.h"
#include "landlock.h"
#include "process.h"
#include "seccomp.h"

#define DNS_PORT 53

/*
 * All of /etc, not file by file: resolv.conf and CA bundles are replaced by rename, which a rule
 * on a file does not survive, and what is secret there is not readable for everybody.
 */
static const char *const collector_reads[] = {
	"/etc",
	"/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates",
	"/usr/lib/ssl",
	"/usr/share/zoneinfo",
	"/var/lib/ca-certificates",
	"/dev/urandom",
	"/dev/null",
	"/proc/self/statm",
	"/proc/self/stat",
};
#define COLLECTOR_READS (sizeof(collector_reads) / sizeof(collector_reads[0]))

/*
 * Libraries that glibc would map only when it first needs them, which the sandbox would refuse:
 * the unwinder (pthread_exit and pthread_cancel abort without it) and, before glibc 2.34, the
 * resolver's parts. Those of nsswitch.conf that are not here (mdns, resolve) fail; glibc then
 * goes on to the next one. A static program has all of it in itself.
 */
static void map_libraries(void)
{
#ifndef KEYHOLE_STATIC
	static const char *const libraries[] = {"libgcc_s.so.1", "libnss_files.so.2",
						"libnss_dns.so.2"};

	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		dlopen(libraries[i], RTLD_NOW | RTLD_NODELETE);
#endif
}

/* `err` of a part, or 0 if the operator gave the part up. */
static int unless_given_up(int err, enum policy_part part, struct policy_report *report)
{
	char *cure;

	if (!err || !(report->may_lack & POLICY_BIT(part)))
		return err;
	cure = strstr(report->error, "; mend that");
	if (cure)
		*cure = 0;
	report->part[part] = POLICY_UNAVAILABLE;
	if (part == POLICY_LANDLOCK)
		report->part[POLICY_LANDLOCK_NET] = POLICY_UNAVAILABLE;
	policy_note(report, "%s", report->error);
	report->error[0] = 0;
	return 0;
}

static int restrict_calls(enum policy_role role, struct policy_report *report)
{
	return unless_given_up(policy_seccomp_install(role, report), POLICY_SECCOMP, report);
}

int policy_enter_loader(bool no_sandbox, struct policy_report *report)
{
	static const struct policy_landlock nothing;
	int err = policy_single_thread(report);

	report->part[POLICY_USER] = POLICY_NOT_MEANT; /* uid 0 with nothing that makes it root */
	if (!err && !no_sandbox)
		err = policy_harden(report);
	if (!err)
		err = policy_caps_drop_all(report);
	if (err || no_sandbox)
		return err;
	err = unless_given_up(policy_landlock(&nothing, report), POLICY_LANDLOCK, report);
	return err ? err : restrict_calls(POLICY_LOADER, report);
}

/* The directory that /etc/resolv.conf really lies in, if it is a link out of /etc. */
static const char *resolver_directory(char path[PATH_MAX])
{
	char *slash;

	if (!realpath("/etc/resolv.conf", path) || strncmp(path, "/etc/", 5) == 0)
		return NULL;
	slash = strrchr(path, '/');
	/* a directory right below the root, such as /run, has more in it than may be read */
	if (!slash || slash == path || !memchr(path + 1, '/', (size_t)(slash - path - 1)))
		return NULL;
	*slash = 0;
	return path;
}

/*
 * A file that is replaced by rename has to be given by its directory. One that lies in such a place
 * would open all of it.
 */
static int check_narrow(const char *path, struct policy_report *report)
{
	static const char *const broad[] = {
		"/",     "/boot",    "/dev",     "/home",    "/media",   "/mnt", "/opt",
		"/proc", "/root",    "/run",     "/srv",     "/sys",     "/tmp", "/usr",
		"/var",  "/var/lib", "/var/run", "/var/tmp", "/run/user"};
	char real[PATH_MAX];

	if (!realpath(path, real))
		return 0; /* the rule says what is wrong with it */
	for (size_t i = 0; i < sizeof(broad) / sizeof(broad[0]); i++)
		if (strcmp(real, broad[i]) == 0)
			return policy_fail(
				report, -EPERM,
				"Landlock: all of %s would be readable, since a file that "
				"was named lies in it (a token, a CA or a key may be "
				"replaced at any time); move it into a directory of its "
				"own",
				broad[i]);
	return 0;
}

static int restrict_files_and_ports(const struct policy_collector_needs *needs,
				    struct policy_report *report)
{
	const char *read[POLICY_PATHS_MAX + COLLECTOR_READS + 2] = {NULL};
	const char *write[POLICY_PATHS_MAX + 1] = {NULL};
	uint16_t connect[POLICY_PORTS_MAX + 1];
	struct policy_landlock rules = {.read = read, .write = write, .connect = connect};
	char resolver[PATH_MAX];
	size_t n = 0;

	if (needs->bind_count > POLICY_PORTS_MAX || needs->connect_count > POLICY_PORTS_MAX)
		return policy_fail(report, -E2BIG, "Landlock: more than %d ports",
				   POLICY_PORTS_MAX);
	for (size_t i = 0; i < POLICY_PATHS_MAX && needs->read[i]; i++) {
		int err = check_narrow(needs->read[i], report);

		if (err)
			return err;
		read[n++] = needs->read[i];
	}
	for (size_t i = 0; i < COLLECTOR_READS; i++)
		read[n++] = collector_reads[i];
	read[n] = resolver_directory(resolver);
	for (size_t i = 0; i < POLICY_PATHS_MAX && needs->write[i]; i++)
		write[i] = needs->write[i];
	memcpy(connect, needs->connect, needs->connect_count * sizeof(connect[0]));
	connect[needs->connect_count] = DNS_PORT;
	rules.connect_count = needs->connect_count + 1;
	rules.bind = needs->bind;
	rules.bind_count = needs->bind_count;
	return policy_landlock(&rules, report);
}

static int become(const struct policy_collector_needs *needs, bool no_sandbox,
		  struct policy_report *report)
{
	uid_t user = needs->user;
	gid_t group;

	if (no_sandbox && user == 0)
		return 0;
	if (user == 0 && geteuid() == 0)
		user = POLICY_COLLECTOR_ID;
	group = needs->group ? needs->group : (gid_t)user;
	return policy_become(user, group, report);
}

int policy_enter_collector(const struct policy_collector_needs *needs, bool no_sandbox,
			   struct policy_report *report)
{
	int err = policy_single_thread(report);

	if (err)
		return err;
	if (!no_sandbox)
		map_libraries();
	policy_caps_drop_bounding(report);
	err = become(needs, no_sandbox, report);
	/* After the change of user, which sets the dumpable attribute anew. */
	if (!err && !no_sandbox)
		err = policy_harden(report);
	if (!err)
		err = policy_caps_drop_all(report);
	if (err || no_sandbox)
		return err;
	err = unless_given_up(restrict_files_and_ports(needs, report), POLICY_LANDLOCK, report);
	return err ? err : restrict_calls(POLICY_COLLECTOR, report);
}

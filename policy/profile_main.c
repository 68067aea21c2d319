/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole-seccomp-profile ROLE: the seccomp profile for a Kubernetes node or a container runtime.
 */
#include <string.h>

#include "seccomp.h"

int main(int argc, char **argv)
{
	const char *role = argc == 2 ? argv[1] : "";

	if (strcmp(role, "loader") == 0)
		return policy_seccomp_emit_json(POLICY_LOADER, stdout) ? 1 : 0;
	if (strcmp(role, "collector") == 0)
		return policy_seccomp_emit_json(POLICY_COLLECTOR, stdout) ? 1 : 0;
	fprintf(stderr, "usage: keyhole-seccomp-profile loader|collector > profile.json\n"
			"Prints an OCI seccomp profile; put it under the kubelet's seccomp "
			"directory and name\n"
			"it in securityContext.seccompProfile.localhostProfile.\n");
	return 2;
}

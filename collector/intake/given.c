/* SPDX-License-Identifier: Apache-2.0 */
#include "given.h"

#include <sys/stat.h>

bool given_may_be_map(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == 0;
}

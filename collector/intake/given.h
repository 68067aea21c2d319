/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEYHOLE_INTAKE_GIVEN_H
#define KEYHOLE_INTAKE_GIVEN_H

#include <stdbool.h>

/*
 * May this descriptor, which somebody gave us, be a BPF map? Who maps a file is at the mercy of
 * whoever shortens it later: reading it faults (SIGBUS). A map's pages stay. Without bpf(2) and
 * /proc this tells them apart: what has no inode of its own, as maps, has no file type in its
 * mode, and a file, memfd, device, socket or pipe has. (Since Linux 6.16 the inode that all of
 * them share has a type, but fstat(2) still does not show it.)
 */
bool given_may_be_map(int fd);

#endif

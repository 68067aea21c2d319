/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The language a process is written in, where the name of its executable gives it away: that of an
 * interpreter or a virtual machine. What is compiled (Go, Rust, C++) would only show in the file
 * itself, which Keyhole never opens. Pure.
 */
#ifndef KEYHOLE_IDENTITY_LANGUAGE_H
#define KEYHOLE_IDENTITY_LANGUAGE_H

/* In Beyla's words: "dotnet", "java", "nodejs", "php", "python", "ruby"; "" unknown. */
const char *language_of(const char *exe);

/* All of them; NULL ends the list. */
extern const char *const languages_known[];

#endif

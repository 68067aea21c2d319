/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options as text: YAML and JSON that can be read again as a configuration. */
#ifndef KEYHOLE_CONFIG_PUT_H
#define KEYHOLE_CONFIG_PUT_H

#include "option.h"
#include "tree.h"

#include <stdio.h>

/* In double quotes; '$' is doubled where `expanded` says that variables will be replaced again. */
void put_quoted(FILE *out, const char *text, bool expanded);

/* In quotes only where YAML needs them. */
void put_plain(FILE *out, const char *text);

/* On one line. Lists that came as text with commas are lists again. */
void put_json(FILE *out, const struct option *option, const struct tree *value);

/* What follows "key:", with the newline; nested lines begin at `indent` spaces. */
void put_yaml(FILE *out, const struct option *option, const struct tree *value, int indent);

#endif

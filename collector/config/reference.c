/* SPDX-License-Identifier: Apache-2.0 */
/* The reference page. What it says of an option comes from the table, what is between from here. */
#include "config.h"

#include "choose.h"
#include "entries.h"
#include "option.h"

#include <ctype.h>
#include <string.h>

static const char head[] =
	"# Configuration\n"
	"\n"
	"<!-- Printed by `keyhole-collector --print-config-reference`; edit the "
	"tables in collector/config instead. -->\n"
	"\n"
	"`keyhole-collector --config FILE` reads a YAML file. Keys and meanings are those of "
	"Grafana Beyla 3 where both\n"
	"have them, so an existing file goes on working. Stronger first: the environment, the "
	"file, the defaults below.\n"
	"\n"
	"- The document may be the file itself or stand under `config.data`, as in a Helm chart's "
	"`values.yml`.\n"
	"- `${NAME}` and `${NAME:-default}` are replaced by variables of the environment before "
	"the file is parsed;\n"
	"  `$$` is a dollar sign.\n"
	"- A variable `X` of the tables is `KEYHOLE_X`, else `OTEL_EBPF_X`, else `BEYLA_X`; empty "
	"ones count as not\n"
	"  set. Lists are written with commas. The file is found through `KEYHOLE_CONFIG_PATH`, "
	"`OTEL_EBPF_CONFIG_PATH`\n"
	"  or `BEYLA_CONFIG_PATH` where `--config` is not given.\n"
	"- Durations are written `300ms`, `30s`, `5m`, `1h30m`.\n"
	"- Unknown keys, keys given twice, values out of range, anchors, aliases, tags and second "
	"documents are errors:\n"
	"  one line each with file, line and column (columns count after variables were "
	"replaced).\n"
	"- A key followed by nothing is as if it were not there.\n"
	"- `--check-config FILE` prints the effective configuration, with lists that were not "
	"given "
	"as they count (a section\n"
	"  `routes` would change something and is not made); as a file it gives the same again. "
	"`--help-config KEY` prints\n"
	"  what is said here of a key or section. [configuration.schema.json]"
	"(configuration.schema.json) is a JSON schema.\n"
	"\n"
	"## Reload\n"
	"\n"
	"The file is read again on SIGHUP, and within seconds when it is another one: changed in "
	"place, replaced, or behind\n"
	"the link that the kubelet moves when a ConfigMap changes. The options with a `yes` below "
	"then change all at once\n"
	"and without a request lost: workloads are decided and named anew. Each other option that "
	"differs gets one line, `KEY\n"
	"changed; it takes effect at the next start`. A file that is not right changes nothing, "
	"says "
	"so, and is counted in\n"
	"`keyhole_config_reloads_total`. The environment stays that of the start, and so does "
	"whether series have the label\n"
	"`http_route` (a section `routes` that comes or goes). The sandbox lets the file be "
	"replaced "
	"by another one below\n"
	"`/etc`, and where it is a link, as in a ConfigMap, in the directory of the link, all of "
	"which the collector may\n"
	"read; elsewhere it can be written over.\n"
	"\n"
	"## Options\n"
	"\n";

static const char entries[] =
	"\n"
	"## Entries of `discovery`\n"
	"\n"
	"An entry matches where all its fields do; one matching entry is enough, and one matching "
	"exclusion is enough\n"
	"to leave a workload out. Without any entry every workload is shown.\n"
	"\n"
	"```yaml\n"
	"discovery:\n"
	"  instrument:\n"
	"    - k8s_namespace: shop\n"
	"      k8s_deployment_name: \"{cart,order-*}\"\n"
	"    - exe_path: \"*/nginx\"\n"
	"      open_ports: 80,8000-9000\n"
	"```\n"
	"\n"
	"In `instrument` and its siblings patterns are **globs**, matched against the whole value: "
	"`*` any characters (`/`\n"
	"too), `?` one, `[a-z]` and `[!a-z]` one of a set, `{a,b}` alternatives, `\\` escapes. In "
	"`services` and its\n"
	"siblings they are **regular expressions**, searched for anywhere in the value (`default` "
	"also finds\n"
	"`my-default`; write `^default$`). The engine is PCRE2, kept to what RE2 knows: "
	"back-references, look-around,\n"
	"atomic groups, possessive repetitions (`a++`), recursion and counts beyond 1000, as in "
	"`a{1001}` or\n"
	"`(a{50}){50}`, are refused. The work of a match\n"
	"is bounded: one that needs too many steps is no match and is counted.\n"
	"\n"
	"A field whose value is absent does not match: `k8s_daemonset_name: .` finds pods of a "
	"DaemonSet. While the pod\n"
	"of a new container is not known yet, the decision waits.\n"
	"\n"
	"A process also matches by its parents in the same cgroup, four at most, as far as they "
	"are "
	"known: those that ran\n"
	"when Keyhole started, that listen, or that had connections of their own. Exclusions look "
	"at "
	"the process alone. Of\n"
	"what is not shown the kernel sends nothing more once that is decided, and the decision is "
	"taken back as soon as\n"
	"the pod or the process changes. Of several entries that match, the last one that has "
	"`name`, `namespace`,\n"
	"`exports` or `metrics`, or `routes` gives it.\n"
	"\n"
	"| field | meaning |\n"
	"|---|---|\n";

static const char exclusions[] =
	"\n"
	"Left out unless `default_exclude_instrument` (or `default_exclude_services`) says "
	"otherwise:\n"
	"\n"
	"```yaml\n"
	"discovery:\n"
	"  default_exclude_instrument:\n";

static const char routes[] =
	"```\n"
	"\n"
	"## Routes\n"
	"\n"
	"Without a section `routes` there is no `http.route`. With one, a path is compared with "
	"`ignored_patterns`, then\n"
	"with `patterns`: `:name` or `{name}` stands for one segment, also behind a literal prefix "
	"(`/@:user`); `*` at the\n"
	"end stands for any rest, elsewhere for one segment. Query, fragment, empty segments and a "
	"`/` at the end do not\n"
	"count. Literal segments go before prefixes, prefixes before names, names before `*`. A "
	"path "
	"that matches\n"
	"nothing gets what `unmatched` says:\n"
	"\n"
	"| value | route |\n"
	"|---|---|\n"
	"| `unset` | none |\n"
	"| `path` | the path itself: as many routes as there are paths |\n"
	"| `wildcard` | `/**` |\n"
	"| `heuristic` | at most 10 segments, of which those that look like an id become `*`: "
	"characters other than letters, `-`, `_`, `.` (but `v1` is fine), words no one could "
	"speak |\n"
	"| `low-cardinality` | the same, and a segment of which a service had more than "
	"`max_path_segment_cardinality` different values becomes `*` |\n"
	"\n"
	"No more than 4096 different routes are kept; further ones are `/**` and are counted.\n";

static const char unsupported[] =
	"\n"
	"## Not supported\n"
	"\n"
	"Beyla's other keys are known, too: a file or an environment that has one goes on working, "
	"and gets one line that\n"
	"names the key and the place: `not supported by Keyhole: KEY, because ...`, or `not "
	"supported by Keyhole yet` where\n"
	"a later version will have it. Nothing is said where the value asks for nothing: where it "
	"is empty, or one of the\n"
	"last column (off, or Beyla's default of something that is no matter here). Of keys with "
	"\"whatever it is\" there\n"
	"nothing is ever said: whatever they ask for, Keyhole does the same.\n"
	"\n"
	"| key | because | yet | variable | asks for nothing |\n"
	"|---|---|---|---|---|\n";

/* "|" would end a cell. */
static void put_cell(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static const char *type_of(const struct option *o, char *buf, size_t size)
{
	const char *text = option_expects(o, buf, size);

	/* The example is for error messages. */
	if (text == buf && o->type == OPTION_PERIOD && strchr(buf, ','))
		*strchr(buf, ',') = '\0';
	return text;
}

static void put_fallback(FILE *out, const struct option *o)
{
	if (o->fallback_doc)
		put_cell(out, o->fallback_doc);
	else if (o->fallback && *o->fallback)
		fprintf(out, "`%s`", o->fallback);
}

static void put_variables(FILE *out, const struct option *o)
{
	if (o->env)
		fprintf(out, "`%s`", o->env);
	if (o->env && o->env_plain)
		fputs(", ", out);
	if (o->env_plain)
		fprintf(out, "`%s` itself", o->env_plain);
}

/* A link to a section of this page: its title in small letters, "-" for spaces, no marks. */
static void put_link(FILE *out, const char *title)
{
	fprintf(out, " See [%s](#", title);
	for (; *title; title++) {
		if (*title == ' ')
			fputc('-', out);
		else if (isalnum((unsigned char)*title))
			fputc(tolower((unsigned char)*title), out);
	}
	fputs(").", out);
}

static void put_option(FILE *out, const struct option *o)
{
	char buf[300];

	if (o->env_only)
		fputs("| (environment only) | ", out);
	else
		fprintf(out, "| `%s` | ", o->path);
	put_cell(out, o->doc);
	if (o->section)
		put_link(out, o->section);
	fputs(" | ", out);
	put_cell(out, type_of(o, buf, sizeof(buf)));
	fputs(" | ", out);
	put_fallback(out, o);
	fputs(" | ", out);
	put_variables(out, o);
	fputs(o->live ? " | yes |\n" : " | |\n", out);
}

static void put_field(FILE *out, const struct option *o)
{
	fprintf(out, "| `%s` | ", o->path);
	put_cell(out, o->doc);
	fputs(" |\n", out);
}

static void put_idle(FILE *out, const struct option *o)
{
	const char *idle = o->idle ? o->idle : "";

	if (strcmp(idle, OPTION_ANYTHING) == 0) {
		fputs("whatever it is", out);
		return;
	}
	while (*idle) {
		int n = (int)strcspn(idle, "|");

		fprintf(out, "`%.*s`%s", n, idle, idle[n] ? ", " : "");
		idle += n;
		idle += *idle == '|';
	}
}

static void put_unsupported(FILE *out, const char *path, const char *word, const char *because,
			    bool yet)
{
	fprintf(out, "| `%s%s%s` | %s | %s", path, word ? ": " : "", word ? word : "", because,
		yet ? "not yet" : "");
}

static void put_unsupported_row(FILE *out, const struct option *o)
{
	put_unsupported(out, o->env_only ? "(environment only)" : o->path, NULL, o->because,
			o->yet);
	fputs(" | ", out);
	put_variables(out, o);
	fputs(" | ", out);
	put_idle(out, o);
	fputs(" |\n", out);
}

/* Words of a list that is itself supported. */
static void put_unsupported_words(FILE *out, const struct option *o)
{
	for (const struct option_choice *c = o->choices; c && c->name; c++) {
		if (!c->because)
			continue;
		put_unsupported(out, o->path, c->name, c->because, c->yet);
		fputs(" | | |\n", out);
	}
}

void config_print_reference(FILE *out)
{
	const struct option *o;

	fputs(head, out);
	fputs("| key | meaning | value | default | variable | reload "
	      "|\n|---|---|---|---|---|---|\n",
	      out);
	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		if (o->type != OPTION_UNSUPPORTED)
			put_option(out, o);
	}
	fputs(entries, out);
	for (size_t i = 0; (o = option_at(&options_selector, i)); i++)
		put_field(out, o);
	fputs(exclusions, out);
	entries_print_default(out);
	fputs(routes, out);
	choose_print_reference(out);
	fputs(unsupported, out);
	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		if (o->type == OPTION_UNSUPPORTED)
			put_unsupported_row(out, o);
		else
			put_unsupported_words(out, o);
	}
	choose_print_unsupported(out);
}

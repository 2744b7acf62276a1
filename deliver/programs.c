/* SPDX-License-Identifier: ISC */
/* programs.c - scripts become programs, and stay such while their texts do. */
#include "deliver/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "conf/conf.h"
#include "sieve/script_name.h"
#include "tls/hash.h"

/* steps of matching of one script: some 0.5 s */
static const uint64_t work_most = UINT64_C(1) << 29;

/* A script that was looked at, the one that is run or one that it includes. */
struct piece {
	bool is_global;
	struct buf name; /* own */
	struct buf text; /* own */
	int err;         /* of reading it */
};

struct script {
	struct piece parts[1 + PROGRAMS_INCLUDED_MOST];
	size_t n_parts; /* 0: there is none */
	bool is_user;
	struct sieve_program *program; /* own */
	struct sieve_errors errors;    /* own */
	unsigned char version[SHA256_BYTES];
};

static struct {
	struct script *before[PROGRAMS_GLOBAL_MOST], *after[PROGRAMS_GLOBAL_MOST];
	size_t n_before, n_after;
	/* borrow: the configuration; NULL: it could not be read */
	struct event_rule rules[EVENT_RULES_MOST];
	struct script *events[EVENT_RULES_MOST]; /* own: of the rules */
	size_t n_rules;
	struct script *user;  /* own */
	struct script *named; /* own: of the user's, for events */
	int global;           /* own: the folder of those that are included; -1 */
	struct sieve_scripts folder; /* the user's, while programs are loaded */
	struct sieve_limits limits;
	uint64_t exts; /* that may be required */
} all = {.global = -1, .folder = {.dir = -1}};

/* ---- texts ---- */

/* As long as a script may be, and one octet more: the check says that it is too long. */
static int
read_regular(int dir, const char *path, struct buf *out)
{
	struct stat st;
	int fd = openat(
	    dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	int err = fd < 0 ? (errno == ENOENT ? E_MORE : E_IO) : E_OK;
	out->max = SIEVE_SCRIPT_BYTES_MAX + 1;
	if (err == E_OK && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)))
		err = E_IO;
	if (err == E_OK)
		err = file_read(fd, out);
	if (fd >= 0)
		close(fd);
	return err;
}

static int
read_global(struct span name, struct buf *out)
{
	struct buf file = {0};
	int err = all.global < 0 ? E_MORE : sieve_name_to_file(name, &file);
	if (err == E_OK)
		err = read_regular(all.global, buf_cstr(&file), out);
	buf_free(&file);
	return err == E_BAD ? E_MORE : err;
}

static int
read_personal(struct span name, struct buf *out)
{
	out->max = SIEVE_SCRIPT_BYTES_MAX + 1;
	return all.folder.dir < 0 ? E_MORE : sieve_scripts_read(&all.folder, name, out);
}

static int
read_part(bool is_global, struct span name, struct buf *out)
{
	return is_global ? read_global(name, out) : read_personal(name, out);
}

/* ---- a script ---- */

static void
script_reset(struct script *s)
{
	for (size_t i = 0; i < s->n_parts; i++) {
		buf_free(&s->parts[i].name);
		buf_free(&s->parts[i].text);
		s->parts[i] = (struct piece){.err = E_OK};
	}
	s->n_parts = 0;
	sieve_program_free(&s->program);
	sieve_errors_reset(&s->errors);
}

static struct piece *
part_add(struct script *s, bool is_global, struct span name)
{
	struct piece *p = &s->parts[s->n_parts++];
	*p = (struct piece){.is_global = is_global};
	buf_span(&p->name, name);
	return p;
}

static int
include(void *ctx, struct span location, struct span name, struct buf *out)
{
	struct script *s = ctx;
	if (s->n_parts == COUNT(s->parts))
		return E_MORE;
	struct piece *p = part_add(s, span_eqs(location, "global"), name);
	p->err = read_part(p->is_global, name, &p->text);
	if (p->err == E_OK) {
		out->max = SIEVE_SCRIPT_BYTES_MAX + 1;
		buf_span(out, buf_as_span(&p->text));
	}
	return p->err == E_LIMIT ? E_IO : p->err;
}

/* Its first part is there. */
static void
compile(struct script *s)
{
	struct buf text = {0};
	struct sieve_checking want = {.limits = &all.limits,
	    .exts = all.exts,
	    .name = s->is_user ? SPAN("") : buf_as_span(&s->parts[0].name),
	    .script = include,
	    .ctx = s};
	if (sieve_compile(
		buf_as_span(&s->parts[0].text), &want, &s->errors, &s->program) != E_OK)
		s->program = NULL;
	for (size_t i = 0; i < s->n_parts; i++) {
		buf_bytes(&text, buf_as_span(&s->parts[i].name));
		buf_bytes(&text, buf_as_span(&s->parts[i].text));
	}
	sha256(buf_as_span(&text), s->version);
	buf_free(&text);
}

/* ---- the user's ---- */

/* All that it was made of is as it was. */
static bool
is_same(const struct script *s, struct span name)
{
	bool is = s->n_parts && span_eq(buf_as_span(&s->parts[0].name), name);
	for (size_t i = 0; is && i < s->n_parts; i++) {
		struct buf now = {0};
		const struct piece *p = &s->parts[i];
		int err = read_part(p->is_global, buf_as_span(&p->name), &now);
		is = err == p->err && span_eq(buf_as_span(&now), buf_as_span(&p->text));
		buf_free(&now);
	}
	return is;
}

static int
load_named(struct script *s, struct span name)
{
	if (is_same(s, name))
		return E_OK;
	script_reset(s);
	struct piece *p = part_add(s, false, name);
	p->err = read_personal(name, &p->text);
	int err = p->err == E_LIMIT ? E_OK : p->err;
	if (err == E_OK)
		compile(s);
	return err;
}

static int
load_active(struct script *s)
{
	struct buf name = {0};
	int err = sieve_scripts_active(&all.folder, &name);
	if (err == E_OK)
		err = load_named(s, buf_as_span(&name));
	buf_free(&name);
	return err;
}

/*
 * The active one, or (name has a p) the one of that name.  Where nothing can be read there is no
 * script: the message is kept.
 */
static void
load_user(int home, struct script **out, struct span name)
{
	if (!*out)
		*out = mem_new(sizeof **out);
	(*out)->is_user = true;
	int err = sieve_scripts_open(home, false, &all.folder);
	if (err == E_OK && all.folder.dir < 0)
		err = E_MORE;
	if (err == E_OK)
		err = name.p ? load_named(*out, name) : load_active(*out);
	if (err != E_OK)
		script_reset(*out);
	if (err != E_OK && err != E_MORE)
		log_event(LOG_WARNING, "script_not_read", "%s", "");
}

/* ---- the site's ---- */

static struct script *
site_script(struct span path)
{
	struct script *s = mem_new(sizeof *s);
	struct piece *p = part_add(s, true, path);
	p->err = read_regular(AT_FDCWD, buf_cstr(&p->name), &p->text);
	if (p->err == E_OK || p->err == E_LIMIT)
		return s;
	log_event(LOG_ERR, "script_not_read", "path=%s err=%s", log_q(path),
	    log_errno(errno));
	script_reset(s);
	mem_free(&s);
	return NULL;
}

static size_t
read_list(const struct conf *c, const char *setting, struct script **out)
{
	size_t n = 0;
	for (size_t i = 0;
	     i < conf_list_count(c, "deliver", setting) && n < PROGRAMS_GLOBAL_MOST / 2;
	     i++) {
		struct script *s =
		    site_script(span_of(conf_list(c, "deliver", setting, i)));
		if (s)
			out[n++] = s;
	}
	return n;
}

/* The path of a script of the site: of a rule, behind its mailboxes. */
static struct span
path_of(const char *setting, const char *item)
{
	struct event_rule r;
	bool is_rule = span_eqs(span_of(setting), "imap_scripts");
	return is_rule && event_rule_parse(span_of(item), &r) == E_OK ? r.path
	                                                              : span_of(item);
}

static void
read_rules(const struct conf *c)
{
	size_t n = conf_list_count(c, "deliver", "imap_scripts");
	for (size_t i = 0; i < n && all.n_rules < EVENT_RULES_MOST; i++) {
		struct event_rule *r = &all.rules[all.n_rules];
		const char *item = conf_list(c, "deliver", "imap_scripts", i);
		if (event_rule_parse(span_of(item), r) == E_OK)
			all.events[all.n_rules++] = site_script(r->path);
	}
}

void
programs_limits(const struct conf *c, struct sieve_limits *out)
{
	*out = sieve_limits_default;
	out->redirects = (size_t)conf_int(c, "deliver", "sieve_redirects");
	out->work = work_most;
	out->vacation_min_sec = (uint64_t)conf_int(c, "deliver", "vacation_least");
	out->vacation_default_sec =
	    (uint64_t)conf_int(c, "deliver", "vacation_default");
	if (out->vacation_default_sec < out->vacation_min_sec)
		out->vacation_default_sec = out->vacation_min_sec;
}

uint64_t
programs_exts(const struct conf *c)
{
	return conf_list_count(c, "deliver", "programs")
	           ? SIEVE_EXTS_ALL
	           : SIEVE_EXTS_ALL & ~EXT_BIT(PIPE);
}

void
programs_prepare(const struct conf *c)
{
	const char *global = conf_str(c, "deliver", "sieve_global");
	programs_limits(c, &all.limits);
	all.exts = programs_exts(c);
	all.n_before = read_list(c, "sieve_before", all.before);
	all.n_after = read_list(c, "sieve_after", all.after);
	read_rules(c);
	if (global[0])
		all.global = open(global, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void
programs_jail(const struct conf *c, struct jail *j)
{
	const char *global = conf_str(c, "deliver", "sieve_global");
	if (global[0])
		jail_allow(j, global, JAIL_READ);
}

int
programs_self_test(const struct conf *c, struct buf *errors)
{
	static const char *const settings[] = {
	    "sieve_before", "sieve_after", "imap_scripts"};
	int err = E_OK;
	for (size_t k = 0; k < COUNT(settings); k++)
		for (size_t i = 0; i < conf_list_count(c, "deliver", settings[k]);
		     i++) {
			const char *item = conf_list(c, "deliver", settings[k], i);
			struct script *s = site_script(path_of(settings[k], item));
			if (s) {
				programs_limits(c, &all.limits);
				all.exts = programs_exts(c);
				compile(s);
			}
			if (s && s->program) {
				script_reset(s);
				mem_free(&s);
				continue;
			}
			err = E_BAD;
			conf_where(c, "deliver", settings[k], errors);
			buf_putf(errors, "%s: %s\n", settings[k],
			    s ? "a script does not compile" : "cannot be read");
			if (s)
				sieve_errors_put(&s->errors, errors);
			if (s)
				script_reset(s);
			mem_free(&s);
		}
	return err;
}

/* ---- all ---- */

static void
put(struct script *s, struct program *out)
{
	if (!s->program && !s->errors.total)
		compile(s);
	*out = (struct program){.name = buf_as_span(&s->parts[0].name),
	    .is_user = s->is_user,
	    .program = s->program,
	    .errors = &s->errors,
	    .version = span_make(s->version, sizeof s->version)};
}

size_t
programs_load(int home, struct program *out)
{
	size_t n = 0;
	load_user(home, &all.user, (struct span){NULL, 0});
	for (size_t i = 0; i < all.n_before; i++)
		put(all.before[i], &out[n++]);
	if (all.user->n_parts)
		put(all.user, &out[n++]);
	for (size_t i = 0; i < all.n_after; i++)
		put(all.after[i], &out[n++]);
	return n;
}

size_t
programs_load_event(int home, const struct store_event *e, struct program *out)
{
	const struct event_place from = {e->from, e->from_use},
				 to = {e->mailbox_name, e->special_use};
	size_t n = 0;
	for (size_t i = 0; i < all.n_rules; i++)
		if (all.events[i] &&
		    event_rule_fits(&all.rules[i], e->cause, &from, &to))
			put(all.events[i], &out[n++]);
	if (!e->script.n)
		return n;
	load_user(home, &all.named, e->script);
	if (all.named->n_parts)
		put(all.named, &out[n++]);
	return n;
}

int
programs_folder(void)
{
	return all.folder.dir;
}

void
programs_unload(void)
{
	sieve_scripts_close(&all.folder);
	all.folder = (struct sieve_scripts){.dir = -1};
}

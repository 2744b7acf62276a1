/* SPDX-License-Identifier: ISC */
/* text.c - the numbers of a daemon as OpenMetrics text. */
#include "metrics/table.h"

struct writer {
	struct buf *out;
	const struct metrics_block *block;
	const struct metrics_about *about;
};

enum { MICRO = 1000000 };

static uint64_t
value_of(const struct writer *w, unsigned slot)
{
	uint64_t n = slot < METRIC_SLOTS ? atomic_load_explicit(&w->block->slots[slot],
					       memory_order_relaxed)
	                                 : 0;
	return n < METRIC_VALUE_MOST ? n : METRIC_VALUE_MOST;
}

/* Label values and help, alike: backslash, quote, line feed. */
static void
put_escaped(struct buf *out, const char *s)
{
	for (; *s; s++)
		if (*s == '\n')
			buf_str(out, "\\n");
		else if (*s == '\\' || *s == '"')
			buf_putf(out, "\\%c", *s);
		else
			buf_ch(out, *s);
}

/* A count of millionths, with as many decimals as it needs and at least one: "1.0", "0.00015". */
static void
put_millionths(struct buf *out, uint64_t n)
{
	unsigned part = (unsigned)(n % MICRO), digits = 6;
	while (digits > 1 && part % 10 == 0) {
		part /= 10;
		digits--;
	}
	buf_putf(out, "%llu.%0*u", (unsigned long long)(n / MICRO), (int)digits, part);
}

static void
put_name(const struct writer *w, const char *name, const char *unit)
{
	buf_putf(w->out, "merpati_%s_%s%s%s", w->about->daemon, name,
	    unit[0] ? "_" : "", unit);
}

static void
put_head(const struct writer *w, const char *name, const char *unit, const char *type,
    const char *help)
{
	buf_str(w->out, "# TYPE ");
	put_name(w, name, unit);
	buf_putf(w->out, " %s\n", type);
	if (unit[0]) {
		buf_str(w->out, "# UNIT ");
		put_name(w, name, unit);
		buf_putf(w->out, " %s\n", unit);
	}
	buf_str(w->out, "# HELP ");
	put_name(w, name, unit);
	buf_ch(w->out, ' ');
	put_escaped(w->out, help);
	buf_ch(w->out, '\n');
}

static void
put_label(struct buf *out, const char *name, const char *value)
{
	buf_putf(out, "{%s=\"", name);
	put_escaped(out, value);
	buf_str(out, "\"}");
}

/* What slot i of a metric with two labels, or one, is of. */
static void
put_labels(
    struct buf *out, const struct metric_labels *l, const char *const *values, size_t i)
{
	if (!l->second) {
		put_label(out, l->name, values[i]);
		return;
	}
	buf_putf(out, "{%s=\"", l->name);
	put_escaped(out, values[i / l->n_second]);
	buf_putf(out, "\",%s=\"", l->second);
	put_escaped(out, l->second_values[i % l->n_second]);
	buf_str(out, "\"}");
}

static uint64_t
told(const struct writer *w, const struct metric *m, unsigned slot)
{
	uint64_t n = value_of(w, slot), now = (uint64_t)w->about->now_wall_sec;
	if (m->type != METRIC_AGE)
		return n;
	return n && n < now ? now - n : 0;
}

/* A counter, gauge or age: a line for each value of its label. */
static void
put_values(const struct writer *w, const struct metric *m)
{
	const char *const *values =
	    m->labels.values ? m->labels.values : w->about->roles;
	size_t n = m->labels.name && !m->labels.values ? w->about->n_roles : m->slots;
	for (size_t i = 0; i < n && i < m->slots; i++) {
		put_name(w, m->name, m->unit);
		buf_str(w->out, m->type == METRIC_COUNTER ? "_total" : "");
		if (m->labels.name)
			put_labels(w->out, &m->labels, values, i);
		buf_putf(w->out, " %llu\n",
		    (unsigned long long)told(w, m, m->slot + (unsigned)i));
	}
}

static void
put_bound(struct buf *out, enum metric_type type, unsigned i)
{
	if (i == METRIC_BOUNDS)
		buf_str(out, "+Inf");
	else if (type == METRIC_LATENCY)
		put_millionths(out, metric_latency_bounds_us[i]);
	else
		buf_putf(out, "%u.0",
		    type == METRIC_AGES ? metric_age_bounds_sec[i]
					: metric_size_bounds[i]);
}

static void
put_histogram(const struct writer *w, const struct metric *m)
{
	uint64_t count = 0, sum = value_of(w, m->slot + METRIC_BOUNDS + 1);
	for (unsigned i = 0; i <= METRIC_BOUNDS; i++) {
		count += value_of(w, m->slot + i);
		count = count < METRIC_VALUE_MOST ? count : METRIC_VALUE_MOST;
		put_name(w, m->name, m->unit);
		buf_str(w->out, "_bucket{le=\"");
		put_bound(w->out, m->type, i);
		buf_putf(w->out, "\"} %llu\n", (unsigned long long)count);
	}
	put_name(w, m->name, m->unit);
	buf_putf(w->out, "_count %llu\n", (unsigned long long)count);
	put_name(w, m->name, m->unit);
	buf_str(w->out, "_sum ");
	if (m->type == METRIC_LATENCY)
		put_millionths(w->out, sum);
	else
		buf_putf(w->out, "%llu", (unsigned long long)sum);
	buf_ch(w->out, '\n');
}

static void
put_row(const struct writer *w, const struct metric *m)
{
	bool is_histogram = m->type == METRIC_LATENCY || m->type == METRIC_SIZES ||
	                    m->type == METRIC_AGES;
	put_head(w, m->name, m->unit,
	    is_histogram                ? "histogram"
	    : m->type == METRIC_COUNTER ? "counter"
					: "gauge",
	    m->help);
	if (is_histogram)
		put_histogram(w, m);
	else
		put_values(w, m);
}

/* ---- what the processes say of themselves ---- */

static void
put_roles(
    const struct writer *w, const char *name, const char *help, const uint64_t *values)
{
	put_head(w, name, "", "gauge", help);
	for (size_t i = 0; i < w->about->n_roles; i++) {
		put_name(w, name, "");
		put_label(w->out, "role", w->about->roles[i]);
		buf_putf(w->out, " %llu\n", (unsigned long long)values[i]);
	}
}

static void
put_processes(const struct writer *w)
{
	uint64_t processes[METRIC_ROLES] = {0}, serving[METRIC_ROLES] = {0};
	for (size_t i = 0; i < METRIC_CELLS; i++) {
		uint32_t role = w->block->cells[i].role;
		if (role == 0 || role > w->about->n_roles)
			continue;
		processes[role - 1]++;
		serving[role - 1] += w->block->cells[i].serving;
	}
	put_roles(w, "processes", "processes now", processes);
	put_roles(w, "serving",
	    "clients that are served now, by processes of this role", serving);
}

static void
put_build(const struct writer *w)
{
	put_head(w, "build", "", "info", "the version that runs");
	put_name(w, "build", "");
	buf_str(w->out, "_info");
	put_label(w->out, "version", MERPATI_VERSION);
	buf_str(w->out, " 1\n");
}

void
metrics_put(const struct metric *rows, size_t n_rows, const struct metrics_block *block,
    const struct metrics_about *about, struct buf *out)
{
	const struct writer w = {.out = out, .block = block, .about = about};
	unsigned daemon = metrics_daemon(about->daemon);
	if (about->n_roles > METRIC_ROLES)
		bug("more roles than are counted");
	put_build(&w);
	put_processes(&w);
	for (size_t i = 0; i < n_rows; i++)
		if (rows[i].daemons & daemon)
			put_row(&w, &rows[i]);
	buf_str(out, "# EOF\n");
}

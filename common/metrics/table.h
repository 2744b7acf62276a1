/* SPDX-License-Identifier: ISC */
/*
 * table.h - the rows of what is measured, and how they are read out: OpenMetrics text, version
 * 1.0.0.
 */
#ifndef METRICS_TABLE_H
#define METRICS_TABLE_H

#include "base/buf.h"
#include "metrics/metric.h"

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_AGE,     /* a gauge; its slot has the moment, Unix time; 0: of nothing */
	METRIC_LATENCY, /* a histogram of microseconds, told in seconds */
	METRIC_SIZES,   /* a histogram of numbers */
	METRIC_AGES,    /* a histogram of seconds */
};

struct metric_labels {
	const char *name;          /* NULL: the metric has no label */
	const char *const *values; /* NULL: the daemon's roles */
	/*
	 * NULL: there is no other; else each value of the first has a slot for each of its values
	 */
	const char *second;
	const char *const *second_values;
	unsigned n_second;
};

struct metric {
	unsigned slot, slots;
	unsigned daemons; /* enum metric_daemon */
	enum metric_type type;
	const char *unit, *name;
	struct metric_labels labels;
	const char *help;
};

extern const struct metric metric_rows[];
extern const size_t metric_n_rows;

/* Whose numbers they are. */
struct metrics_about {
	const char *daemon;
	const char *const *roles;
	size_t n_roles; /* at most METRIC_ROLES */
	int64_t now_wall_sec;
};

enum {
	METRICS_TEXT_MAX = 1 << 20, /* bytes of an exposition */
};

/*
 * What a slot may hold and still be told as it is: numbers past it (2^53, exact in a double) are
 * told as it.
 */
#define METRIC_VALUE_MOST (UINT64_C(1) << 53)

/*
 * metrics_put - all of a daemon's rows, ending in "# EOF".  Nothing but integers is taken from the
 * block, each once, bounded; a histogram's buckets are summed from what was read, so they always
 * grow.
 */
void metrics_put(const struct metric *rows, size_t n_rows, const struct metrics_block *,
    const struct metrics_about *, struct buf *out);
/* metrics_layout - a number that is another one when a slot means something else */
uint64_t metrics_layout(void);
/* metrics_daemon - its bit; 0: it has no metrics */
unsigned metrics_daemon(const char *name);

#endif

/* SPDX-License-Identifier: ISC */
/* metric.c - the memory of numbers, and histograms. */
#include "metrics/metric.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "metrics/table.h"

static struct metrics_block own_block; /* untouched it takes no memory */
static struct metric_cell own_cell;

struct metrics_block *the_metrics = &own_block;
struct metric_cell *the_metric_cell = &own_cell;

/* clang-format off */
const uint32_t metric_latency_bounds_us[METRIC_BOUNDS] = {
	100, 150, 200, 300, 500, 700, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000,
	1000000, 2000000, 5000000, 20000000, 60000000};
const uint32_t metric_size_bounds[METRIC_BOUNDS] = {
	1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 500, 700, 1000};
const uint32_t metric_age_bounds_sec[METRIC_BOUNDS] = { /* to 10 days */
	1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 345600, 432000, 864000};

/* clang-format on */

static void
observe(unsigned slot, const uint32_t *bounds, uint64_t value)
{
	unsigned i = 0;
	while (i < METRIC_BOUNDS && value > bounds[i])
		i++;
	metric_add(slot + i, 1);
	metric_add(slot + METRIC_BOUNDS + 1, value);
}

void
metric_latency(unsigned slot, uint64_t us)
{
	observe(slot, metric_latency_bounds_us, us);
}

void
metric_took(unsigned slot, int64_t begin_us)
{
	int64_t us = clock_mono_us() - begin_us;
	metric_latency(slot, us > 0 ? (uint64_t)us : 0);
}

void
metric_size(unsigned slot, uint64_t n)
{
	observe(slot, metric_size_bounds, n);
}

void
metric_age(unsigned slot, int64_t sec)
{
	observe(slot, metric_age_bounds_sec, sec > 0 ? (uint64_t)sec : 0);
}

void
metric_attempts(enum metric_hop hop, enum metric_attempt how, uint64_t n)
{
	metric_add(
	    M_RELAY_ATTEMPTS + (unsigned)hop * METRIC_ATTEMPT_COUNT + (unsigned)how, n);
}

#define CODE_CASE(code)                                                                \
	case code:                                                                     \
		return METRIC_CODE_##code;

static enum metric_code
code_of(unsigned code)
{
	switch (code) {
		METRIC_SMTP_CODES(CODE_CASE)
	default:
		return METRIC_CODE_OTHER;
	}
}

void
metric_smtp_reply(unsigned code)
{
	if (code < 200 || code > 599)
		return;
	metric_count(M_SMTP_REPLIES + code / 100 - 2);
	if (code >= 400)
		metric_count(M_SMTP_REJECTS + code_of(code));
}

/* ---- the monitor ---- */

static struct metrics_block *
map(int fd)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size != (off_t)sizeof(struct metrics_block))
		return NULL;
	void *p = mmap(NULL, sizeof(struct metrics_block), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* Nobody can make it smaller: whoever did would end all that count in it. */
static int
make_file(void)
{
	int fd = memfd_create("metrics", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && ftruncate(fd, sizeof(struct metrics_block)) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int
metrics_open(int fd)
{
	struct metrics_block *b = fd >= 0 ? map(fd) : NULL;
	uint64_t layout = metrics_layout();
	if (b && b->layout != layout) {
		/* children of the earlier image count in it, unread, until they are gone */
		munmap(b, sizeof *b);
		b = NULL;
	}
	if (!b) {
		if (fd >= 0)
			close(fd);
		fd = make_file();
		b = fd >= 0 ? map(fd) : NULL;
		if (b) {
			b->layout = layout;
			b->slots[M_START] = (uint64_t)clock_wall_sec();
		}
	}
	if (b)
		the_metrics = b;
	else
		log_event(LOG_ERR, "no_metrics", "err=%s", log_errno(errno));
	return fd;
}

/* Which are given out is the monitor's own knowledge: what stands in the block others may write. */
static bool is_taken[METRIC_CELLS];
static int lowest; /* none below is free */

static void
begin_cell(int cell, uint32_t role)
{
	is_taken[cell] = role != 0;
	the_metrics->cells[cell].serving = 0;
	the_metrics->cells[cell].role = role;
}

int
metrics_cell_take(unsigned role)
{
	while (lowest < METRIC_CELLS && is_taken[lowest])
		lowest++;
	if (lowest == METRIC_CELLS)
		return -1;
	begin_cell(lowest, role + 1);
	return lowest;
}

int
metrics_cell_keep(int cell, unsigned role)
{
	if (cell < 0 || cell >= METRIC_CELLS || is_taken[cell])
		return -1;
	is_taken[cell] = true;
	the_metrics->cells[cell].role = role + 1;
	return cell;
}

void
metrics_cell_use(int cell)
{
	the_metric_cell =
	    cell >= 0 && cell < METRIC_CELLS ? &the_metrics->cells[cell] : &own_cell;
}

void
metrics_cell_free(int cell)
{
	if (cell < 0 || cell >= METRIC_CELLS)
		return;
	begin_cell(cell, 0);
	lowest = cell < lowest ? cell : lowest;
}

/* SPDX-License-Identifier: ISC */
/* retry.c - queue time and back-off. */
#include "queue/retry.h"

#include "base/clock.h"
#include "base/id.h"

static int64_t base_sec, start_mono_ms;

void
retry_clock_start(int64_t saved_queue_sec, int64_t saved_wall_sec)
{
	int64_t down = saved_wall_sec ? clock_wall_sec() - saved_wall_sec : 0;
	if (down < 0)
		down = 0;
	if (down > RETRY_DOWN_MOST_SEC)
		down = RETRY_DOWN_MOST_SEC;
	base_sec = saved_queue_sec + down;
	start_mono_ms = clock_mono_ms();
}

int64_t
retry_now(void)
{
	return base_sec + (clock_mono_ms() - start_mono_ms) / 1000;
}

int64_t
retry_delay(unsigned attempts, int64_t first_sec, int64_t most_sec)
{
	int64_t delay = first_sec;
	while (attempts-- > 0 && delay < most_sec)
		delay *= 2;
	if (delay > most_sec)
		delay = most_sec;
	int64_t spread = delay * RETRY_JITTER_PERCENT / 100;
	if (spread > 0)
		delay += (int64_t)random_below((uint32_t)(2 * spread + 1)) - spread;
	return delay > 0 ? delay : 1;
}

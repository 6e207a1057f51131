/* SPDX-License-Identifier: GPL-2.0-only */
/* Which invalidations are under way in a process, as an MMU notifier is told of them.  Pure. */
#ifndef TVX_MEM_BUSY_H
#define TVX_MEM_BUSY_H

#include <linux/types.h>

/* So many are known one by one; of more nobody knows where they are. */
#define TVX_MAX_BUSY	8

/**
 * struct tvx_busy - the invalidations under way
 * @nr: in @range: user addresses, the end excluded
 * @more: besides those
 */
struct tvx_busy {
	unsigned int nr, more;
	struct {
		unsigned long start, end;
	} range[TVX_MAX_BUSY];
};

/* One begins. */
static inline void tvx_busy_add(struct tvx_busy *busy, unsigned long start, unsigned long end)
{
	if (busy->nr == TVX_MAX_BUSY) {
		busy->more++;
		return;
	}
	busy->range[busy->nr].start = start;
	busy->range[busy->nr].end = end;
	busy->nr++;
}

/* One that began with the same addresses is over.  Return: false if there is none such. */
static inline bool tvx_busy_remove(struct tvx_busy *busy, unsigned long start, unsigned long end)
{
	unsigned int i;

	for (i = 0; i < busy->nr; i++) {
		if (busy->range[i].start != start || busy->range[i].end != end)
			continue;
		busy->range[i] = busy->range[--busy->nr];
		return true;
	}
	if (!busy->more)
		return false;
	busy->more--;
	return true;
}

/* May one of them concern a page in [start, end)? */
static inline bool tvx_busy_with(const struct tvx_busy *busy, unsigned long start,
				 unsigned long end)
{
	unsigned int i;

	for (i = 0; i < busy->nr; i++)
		if (start < busy->range[i].end && busy->range[i].start < end)
			return true;
	return busy->more;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "nearest.h"

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Damerau's distance with neighbours swapped once: three rows of the usual table. */
unsigned nearest_distance(struct slice a, struct slice b)
{
	unsigned row[3][NEAREST_WORD_MAX + 1];

	if (a.n > NEAREST_WORD_MAX || b.n > NEAREST_WORD_MAX)
		return (unsigned)-1;
	for (size_t j = 0; j <= b.n; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned change = a.p[i - 1] != b.p[j - 1];

			now[j] = least(before[j] + 1, now[j - 1] + 1, before[j - 1] + change);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				now[j] = least(now[j], now[j], earlier[j - 2] + 1);
		}
	}
	return row[a.n % 3][b.n];
}

void nearest_offer(struct slice asked, struct slice word, struct slice *best, unsigned *distance)
{
	unsigned d = nearest_distance(asked, word);
	size_t longer = asked.n > word.n ? asked.n : word.n;

	/* Two of five letters wrong is as far as anybody types. */
	if (d * 5 > longer * 2 || (best->p && d >= *distance))
		return;
	*best = word;
	*distance = d;
}

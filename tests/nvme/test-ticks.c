/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test-ticks.c - the estimated total is correct for any number of runs, although one in 16 is
 * timed
 */
#include "engines/nvme/ticks.h"
#include "tests/lib/unit.h"

#define TAKES 100000000ULL	/* ticks; reading the counter takes much less */

static uint64_t time_so_many(unsigned times)
{
	struct ticks_sum sum = {};

	for (unsigned i = 0; i < times; i++) {
		ticks_begin(&sum);
		if (sum.from)
			sum.from -= TAKES;
		ticks_end(&sum);
	}
	return ticks_of_all(&sum);
}

static void all_are_told(void)
{
	static const unsigned times[] = { 0, 1, 63, 64, 65, 79, 80, 81, 100, 250, 1000, 100001 };

	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		double told = (double)time_so_many(times[i]) / TAKES;

		UNIT_CHECK(told >= times[i] && told <= times[i] * 1.01 + 0.01,
			   "%u times are told as %f", times[i], told);
	}
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = { { "all_are_told", all_are_told } };

	return unit_main(argc, argv, cases, 1);
}

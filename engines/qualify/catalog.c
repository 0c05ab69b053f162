// SPDX-License-Identifier: GPL-2.0-only
/* catalog.c - all tables of cases, in the order in which they run; see case.h */
#include "case.h"

static const struct qcase_table *const tables[] = {
	&cases_first, &cases_transfer, &cases_check,	&cases_bits,  &cases_escape,
	&cases_tags,  &cases_state,    &cases_dulbe,	&cases_zeroes, &cases_uncor, &cases_compare,
	&cases_copy,  &cases_log,      &cases_limit,    &cases_identify, &cases_load,  &cases_race,
	&cases_cut,   &cases_zones,
	&cases_end,   &cases_format,   &cases_readback,
};

const struct qcase *qcase_at(unsigned i)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		if (i < tables[t]->nr)
			return &tables[t]->cases[i];
		i -= tables[t]->nr;
	}
	return NULL;
}

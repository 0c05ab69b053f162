/* SPDX-License-Identifier: GPL-2.0-only */
/* inject-trial.h - helpers shared by the tests of error injection */
#ifndef INJECT_TRIAL_H
#define INJECT_TRIAL_H

#include <errno.h>
#include <inttypes.h>

#include "verify/inject.h"
#include "verify/metadata.h"
#include "tests/lib/formats.h"
#include "tests/lib/unit.h"

static inline struct vfy_inject parsed(const char *text)
{
	struct vfy_inject in;
	char why[VFY_WHY_MAX] = "";

	UNIT_CHECK(!vfy_inject_parse(text, &in, why), "'%s' is refused: %s", text, why);
	return in;
}

static inline void one_line(const char *what, const char *why, const char *begin, const char *says)
{
	UNIT_CHECK(!strncmp(why, begin, strlen(begin)) && !strchr(why, '\n') && strlen(why) < 200 &&
		   strstr(why, says), "'%s' is refused with '%s'", what, why);
}

#endif

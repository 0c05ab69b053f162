/* SPDX-License-Identifier: GPL-2.0-only */
/* zone-commands.h - writes to a zone, for all commands that write */
#ifndef CTL_ZONE_COMMANDS_H
#define CTL_ZONE_COMMANDS_H

#include "sync.h"

/*
 * Begin a write of @nr blocks from *@lba on: lock the zones, check that it is at the write pointer
 * and open the zone implicitly.  With @append, *@lba is in the zone, and becomes its write pointer.
 * Returns 0, or a result as in target.h if nothing is to be written; then nothing is locked.
 */
int ctl_zone_begin(struct ctl_port *port, uint64_t *lba, uint64_t nr, bool append);

/* End it: @nr blocks from @lba on are written, or (CTL_ZONE_SETTLE) an unknown number of them. */
#define CTL_ZONE_SETTLE UINT64_MAX
void ctl_zone_end(struct ctl_port *port, uint64_t lba, uint64_t nr);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* mark.c - run in the guest: has count.c write what was executed so far */
#include "mark.h"

#define BYTES(...) ".byte " #__VA_ARGS__
#define EXPANDED(...) BYTES(__VA_ARGS__)

int main(void)
{
	__asm__ volatile(EXPANDED(MARK));
	return 0;
}

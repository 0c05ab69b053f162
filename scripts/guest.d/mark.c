// SPDX-License-Identifier: GPL-2.0-only
/* mark.c - runs in the guest and makes count.c write its counts */
#include "mark.h"

#define BYTES(...) ".byte " #__VA_ARGS__
#define EXPANDED(...) BYTES(__VA_ARGS__)

int main(void)
{
	__asm__ volatile(EXPANDED(MARK));
	return 0;
}

/* The page that `roost map` writes, made from tools/page/ by the build: what stands before its data, and behind.
 * SPDX-License-Identifier: MIT */
#ifndef ROOST_TOOLS_PAGE_H
#define ROOST_TOOLS_PAGE_H

#include <stddef.h>

extern const char page_before[], page_after[];
extern const size_t page_before_size, page_after_size;

#endif

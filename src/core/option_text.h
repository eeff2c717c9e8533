/* Words of options: what a value's text means, and how alike two names are. No state, no allocation, any thread.
 * SPDX-License-Identifier: MIT */
#ifndef RST_CORE_OPTION_TEXT_H
#define RST_CORE_OPTION_TEXT_H

#include "os/base.h"

/* Capitals do not matter. */
bool rst_text_same(const char *a, const char *b);

/* 0 no off false, 1 yes on true. False: none of these. */
bool rst_text_bool(const char *text, uint64_t *value);

/* Digits; with `size` also one of k m g t with an optional "b" or "ib". False: not that, or too large. */
bool rst_text_number(const char *text, bool size, uint64_t *value);

/* 1% to 100%: the number. False: not that. */
bool rst_text_share(const char *text, uint64_t *value);

/* How many letters must be changed, added, left out or swapped with their neighbour to make `b` of `a`; capitals do not matter.
 * UINT32_MAX for words of more than RST_TEXT_WORD letters. */
uint32_t rst_text_distance(const char *a, const char *b);
enum { RST_TEXT_WORD = 31 };

/* Copy up to the first of `stops` or the end. Returns where that was. *whole: all of it fitted. */
const char *rst_text_take(const char *text, const char *stops, char *out, size_t size, bool *whole);

char rst_text_upper(char c);

#endif

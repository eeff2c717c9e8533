/* This program run again by itself, with one argument, on pipes; and how it writes addresses. SPDX-License-Identifier: MIT */
#ifndef ROOST_TESTS_WINDOWS_AGAIN_H
#define ROOST_TESTS_WINDOWS_AGAIN_H

#include <stddef.h>

/* Its exit code, and what it wrote to both outputs, as far as `size` holds it; -1: it cannot be run. */
int run_again(const char *argument, char *out, char *err, size_t size);

/* Addresses in a text, which %p writes with sixteen digits here, as other systems write them. */
void addresses_as_elsewhere(char *text);

#endif

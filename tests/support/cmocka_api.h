/* cmocka with the headers that it wants before itself, and the table of the allocator under test.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ROOST_TESTS_CMOCKA_API_H
#define ROOST_TESTS_CMOCKA_API_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* one include per block: cmocka must come last */

#include <cmocka.h>

#include "api.h"

#endif

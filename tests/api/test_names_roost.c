/* test_names.c by the roost_ names, on a library that replaces nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#define ROOST_TEST_API_ONLY
#include "test_names.c"

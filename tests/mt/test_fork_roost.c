/* test_fork.c by the roost_ names, so that it can also run under the sanitizers.
 *
 * SPDX-License-Identifier: MIT
 */
#define ROOST_TEST_API_ONLY
#include "test_fork.c"

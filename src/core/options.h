/* Option values as plain data, from the table of roost/options.h. Set while the library starts (and once more when the
 * environment becomes readable), read by anyone afterwards. SPDX-License-Identifier: MIT */
#ifndef RST_CORE_OPTIONS_H
#define RST_CORE_OPTIONS_H

#include "os/atomic.h"
#include "os/base.h"
#include "roost/options.h"

#define RST_OPTION_ENUM(name, type, value, ...) RST_OPTION_##name,
typedef enum rst_option { ROOST_OPTION_TABLE(RST_OPTION_ENUM) RST_OPTION_COUNT } rst_option;
#undef RST_OPTION_ENUM

extern _Atomic uint64_t rst_option_values[RST_OPTION_COUNT];

#define rst_option_get(name) rst_load_relaxed(&rst_option_values[RST_OPTION_##name])

#define RST_OPTION_DEFAULT(name, type, value, ...) RST_OPTION_DEFAULT_##name = (long long)(value),
enum { ROOST_OPTION_TABLE(RST_OPTION_DEFAULT) };
#undef RST_OPTION_DEFAULT
#define rst_option_default(name) ((uint64_t)RST_OPTION_DEFAULT_##name)

/* Read ROOST_OPTIONS, then ROOST_<NAME>, from the environment. What cannot be understood is said in one line each and
 * leaves the value as it was. */
void rst_options_read(void);

/* Say each option and its value, a line each. */
void rst_options_say(void);

#endif

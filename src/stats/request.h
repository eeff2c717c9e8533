/* What may be asked at the socket, and the names of files: text from outside. No state. SPDX-License-Identifier: MIT */
#ifndef RST_STATS_REQUEST_H
#define RST_STATS_REQUEST_H

#include "os/base.h"
#include "stats/report.h"

enum { RST_REQUEST_MAX = 64 }; /* bytes of a line, its end included */

/* What a line asks for: the formats as rst_format, then these. */
typedef enum rst_request { RST_REQUEST_PURGE = RST_FORMATS, RST_REQUEST_UNKNOWN } rst_request;

/* Blanks before and after do not matter, nor do capitals. */
rst_request rst_request_of(const char *line);

/* Fill in a file name: %p is the process number, %% a %. False: it does not fit, or has another %. */
bool rst_path_expand(const char *pattern, uint32_t process, char *out, size_t size);

/* The format that a file's name asks for by its end: .json; .prom; .om or .metrics; else text. */
rst_format rst_format_of_path(const char *path);

#endif

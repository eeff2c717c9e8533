/* See request.h. SPDX-License-Identifier: MIT */
#include "stats/request.h"

#include "core/option_text.h"
#include "os/fmt.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

rst_request rst_request_of(const char *line)
{
    char word[RST_REQUEST_MAX];
    bool whole;
    while (is_blank(*line))
        line++;
    line = rst_text_take(line, " \t\r\n", word, sizeof word, &whole);
    while (is_blank(*line))
        line++;
    if (*line != '\0' || !whole)
        return RST_REQUEST_UNKNOWN;
    static const char *const names[] = {"text", "json", "metrics", "prometheus", "purge"};
    unsigned i = 0;
    while (i < RST_REQUEST_UNKNOWN && !rst_text_same(word, names[i]))
        i++;
    return (rst_request)i;
}

bool rst_path_expand(const char *pattern, uint32_t process, char *out, size_t size)
{
    size_t used = 0;
    for (; *pattern != '\0'; pattern++) {
        char piece[16] = {*pattern, '\0'};
        if (*pattern == '%') {
            pattern++;
            if (*pattern == 'p')
                rst_fmt(piece, sizeof piece, "%u", process);
            else if (*pattern != '%')
                return false;
        }
        for (const char *c = piece; *c != '\0'; c++) {
            if (used + 1 >= size)
                return false;
            out[used++] = *c;
        }
    }
    out[used] = '\0';
    return used != 0;
}

rst_format rst_format_of_path(const char *path)
{
    const char *end = NULL;
    for (; *path != '\0'; path++) {
        if (*path == '/')
            end = NULL;
        else if (*path == '.')
            end = path;
    }
    if (end == NULL)
        return RST_TEXT;
    if (rst_text_same(end, ".json"))
        return RST_JSON;
    if (rst_text_same(end, ".prom"))
        return RST_PROMETHEUS;
    return rst_text_same(end, ".om") || rst_text_same(end, ".metrics") ? RST_METRICS : RST_TEXT;
}

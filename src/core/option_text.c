/* Words of options: see option_text.h. SPDX-License-Identifier: MIT */
#include "core/option_text.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

char rst_text_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

bool rst_text_same(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

bool rst_text_bool(const char *text, uint64_t *value)
{
    static const char *const words[2][4] = {{"0", "no", "off", "false"}, {"1", "yes", "on", "true"}};
    for (unsigned v = 0; v < 2; v++) {
        for (unsigned i = 0; i < 4; i++) {
            if (rst_text_same(text, words[v][i])) {
                *value = v;
                return true;
            }
        }
    }
    return false;
}

/* k, m, g or t, then perhaps b or ib. Returns what follows; NULL: too large. */
static const char *take_unit(const char *text, uint64_t *n)
{
    static const char units[] = "kmgt";
    for (unsigned i = 0; i < 4; i++) {
        if (lower(*text) == units[i]) {
            if (__builtin_mul_overflow(*n, 1ull << (10 * (i + 1)), n))
                return NULL;
            text++;
            break;
        }
    }
    if (lower(text[0]) == 'i' && lower(text[1]) == 'b')
        return text + 2;
    return lower(text[0]) == 'b' ? text + 1 : text;
}

bool rst_text_number(const char *text, bool size, uint64_t *value)
{
    uint64_t n = 0;
    const char *digits = text;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
            return false;
    }
    if (text == digits)
        return false;
    if (size)
        text = take_unit(text, &n);
    if (text == NULL || *text != '\0')
        return false;
    *value = n;
    return true;
}

bool rst_text_share(const char *text, uint64_t *value)
{
    uint64_t share = 0;
    for (; *text >= '0' && *text <= '9' && share <= 100; text++)
        share = share * 10 + (uint64_t)(*text - '0');
    if (share < 1 || share > 100 || text[0] != '%' || text[1] != '\0')
        return false;
    *value = share;
    return true;
}

static size_t length_of(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0' && n <= RST_TEXT_WORD)
        n++;
    return n;
}

/* Optimal string alignment: three rows of its table are enough. */
uint32_t rst_text_distance(const char *a, const char *b)
{
    size_t na = length_of(a), nb = length_of(b);
    if (na > RST_TEXT_WORD || nb > RST_TEXT_WORD)
        return UINT32_MAX;
    uint32_t row[3][RST_TEXT_WORD + 1];
    for (size_t j = 0; j <= nb; j++)
        row[0][j] = (uint32_t)j;
    for (size_t i = 1; i <= na; i++) {
        uint32_t *now = row[i % 3], *above = row[(i + 2) % 3], *two_above = row[(i + 1) % 3];
        now[0] = (uint32_t)i;
        for (size_t j = 1; j <= nb; j++) {
            uint32_t change = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            uint32_t add = (uint32_t)rst_min(above[j], now[j - 1]) + 1;
            now[j] = (uint32_t)rst_min(change, add);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                now[j] = (uint32_t)rst_min(now[j], two_above[j - 2] + 1);
        }
    }
    return row[na % 3][nb];
}

const char *rst_text_take(const char *text, const char *stops, char *out, size_t size, bool *whole)
{
    size_t used = 0;
    *whole = true;
    for (; *text != '\0'; text++) {
        const char *stop = stops;
        while (*stop != '\0' && *stop != *text)
            stop++;
        if (*stop != '\0')
            break;
        if (used + 1 < size)
            out[used++] = *text;
        else
            *whole = false;
    }
    out[used] = '\0';
    return text;
}

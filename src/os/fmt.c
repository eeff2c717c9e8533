/* The formatter of fmt.h. SPDX-License-Identifier: MIT */
#include "os/fmt.h"

#include "os/os.h"

typedef struct sink {
    char *out;
    size_t size, used;
} sink;

static void sink_put(sink *s, char c)
{
    if (s->used + 1 < s->size)
        s->out[s->used++] = c;
}

static void sink_text(sink *s, const char *text, size_t length, size_t width, bool left)
{
    for (size_t i = length; !left && i < width; i++)
        sink_put(s, ' ');
    for (size_t i = 0; i < length; i++)
        sink_put(s, text[i]);
    for (size_t i = length; left && i < width; i++)
        sink_put(s, ' ');
}

static void sink_number(sink *s, unsigned long long value, unsigned base, bool negative, size_t width, bool left)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (negative)
        digits[--at] = '-';
    sink_text(s, digits + at, sizeof digits - at, width, left);
}

/* The argument of one conversion that is a number; `wide`: of more bytes than an int. */
static void format_number(sink *s, char conversion, bool wide, size_t width, bool left, va_list *args)
{
    if (conversion == 'd') {
        long long v = wide ? va_arg(*args, long long) : va_arg(*args, int);
        sink_number(s, v < 0 ? 0ull - (unsigned long long)v : (unsigned long long)v, 10, v < 0, width, left);
        return;
    }
    unsigned long long v = wide ? va_arg(*args, unsigned long long) : va_arg(*args, unsigned);
    sink_number(s, v, conversion == 'x' ? 16 : 10, false, width, left);
}

static void format_one(sink *s, const char **at, va_list *args)
{
    const char *f = *at;
    bool left = *f == '-';
    f += left;
    size_t width = 0;
    for (; *f >= '0' && *f <= '9'; f++)
        width = width * 10 + (size_t)(*f - '0');
    size_t bytes = 0;
    for (; *f == 'l' || *f == 'z'; f++)
        bytes += *f == 'z' ? sizeof(size_t) : sizeof(long); /* on Windows a long is an int's size */
    if (*f == 's') {
        const char *text = va_arg(*args, const char *);
        text = text != NULL ? text : "(null)";
        size_t length = 0;
        while (text[length] != '\0')
            length++;
        sink_text(s, text, length, width, left);
    } else if (*f == 'p') {
        sink_text(s, "0x", 2, 0, true);
        sink_number(s, (unsigned long long)(uintptr_t)va_arg(*args, void *), 16, false, width, left);
    } else if (*f == 'c') {
        sink_put(s, (char)va_arg(*args, int));
    } else if (*f == 'd' || *f == 'u' || *f == 'x') {
        format_number(s, *f, bytes > sizeof(int), width, left, args);
    } else {
        sink_put(s, *f);
    }
    *at = *f != '\0' ? f + 1 : f;
}

size_t rst_vfmt(char *out, size_t size, const char *format, va_list args)
{
    sink s = {out, size, 0};
    va_list copy;
    va_copy(copy, args);
    while (*format != '\0') {
        if (*format != '%') {
            sink_put(&s, *format++);
        } else {
            format++;
            format_one(&s, &format, &copy);
        }
    }
    va_end(copy);
    if (size != 0)
        out[s.used] = '\0';
    return s.used;
}

size_t rst_fmt(char *out, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t length = rst_vfmt(out, size, format, args);
    va_end(args);
    return length;
}

void rst_say(const char *format, ...)
{
    char line[512];
    size_t length = rst_fmt(line, sizeof line, "roost: ");
    va_list args;
    va_start(args, format);
    length += rst_vfmt(line + length, sizeof line - length - 1, format, args);
    va_end(args);
    /* What an option or a name holds shall not look like a line of ours, nor move a cursor. */
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    }
    line[length++] = '\n';
    rst_os_write_error(line, length);
}

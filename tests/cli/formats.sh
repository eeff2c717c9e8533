#!/bin/bash
# The formats of the statistics, written by a program that holds blocks of all kinds: well-formed, and the same figures.
# SPDX-License-Identifier: MIT
set -u
. "$(dirname "$0")/lib/expect.bash"
command -v python3 >/dev/null || { echo "python3 is missing"; exit 77; }
check=$(dirname "$(realpath "$0")")/lib/check_formats.py
schema=$ROOST_SOURCE_DIR/docs/stats.schema.json
python=python3
[ ! -x /usr/bin/python3 ] || python=/usr/bin/python3 # where Debian's packages are
cd "$scratch" || exit 1
cat >dump.c <<'C'
#include <fcntl.h>
#include <pthread.h>
#include <roost/stats.h>
#include <stdlib.h>
static void *kept[4096];
static void *work(void *unused)
{
    for (int i = 0; i < 4096; i++)
        kept[i] = roost_malloc((size_t)i * 37 % 70000);
    return unused;
}
int main(void)
{
    static const char *const formats[] = {"text", "json", "metrics", "prometheus"};
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 1;
    for (int i = 0; i < 4096; i += 3)
        roost_free(kept[i]); /* of another thread: some of them wait here */
    for (int i = 0; i < 4; i++) {
        int fd = open(formats[i], O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || roost_stats_write(fd, formats[i]) != 0)
            return 2;
    }
    return roost_stats_write(1, "xml") == -1 && roost_stats_write(-1, "text") == -1 ? 0 : 3;
}
C
if ! "${CC:-cc}" -I"$ROOST_SOURCE_DIR/include" dump.c "$(dirname "$ROOST_LIB")/libroost_api.a" -lpthread -o dump 2>cc.log; then
    fail "$(cat cc.log)"
    finish
fi
expect 0 '' '' ./dump
expect 0 '*' '' "$python" "$check" text json metrics "$schema"
"$python" "$check" text json metrics "$schema"
# Prometheus' older format: the same samples, and each under its own name.
samples() {
    sed '/^#/d' "$1" | grep -Ev '^roost_(resident|resident_peak|faults|calls|heap_quiet|steward_cpu)_'
}
expect 0 '' '' diff <(samples metrics) <(samples prometheus)
unnamed=$(awk '/^# TYPE / { named[$3] = 1 } !/^#/ { sub(/[{ ].*/, ""); if (!($0 in named)) print }' prometheus)
[ -z "$unnamed" ] || fail "samples without a type: $unnamed"

# That it can fail: a figure that differs, a figure that is missing, a line that is too long, a family that is cut.
sed 's/^  allocated  *[0-9]*/  allocated 7/' text >text.bad
expect 1 '*allocated is 7 in text*' '' "$python" "$check" text.bad json metrics "$schema"
sed 's/"allocated":[0-9]*,//' json >json.bad
expect 1 '*allocated*' '' "$python" "$check" text json.bad metrics "$schema"
sed 's/^  pages .*/&                                                                        ./' text >text.bad
expect 1 '*more than 100 columns*' '' "$python" "$check" text.bad json metrics "$schema"
sed 's/^roost_purges_total .*/roost_purges_total 77/' metrics >metrics.bad
expect 1 '*roost_purges*' '' "$python" "$check" text json metrics.bad "$schema"
if command -v promtool >/dev/null; then
    expect 0 '' '' sh -c 'promtool check metrics <prometheus'
    # It reads OpenMetrics only with times.
    sed '/^#/!s/$/ 1700000000/' metrics >timed
    expect 0 '*' '' promtool tsdb create-blocks-from openmetrics timed blocks
    sed 's/^roost_purges_total .*/roost_purges_total x 1700000000/' timed >timed.bad
    expect 1 '*' '*' promtool tsdb create-blocks-from openmetrics timed.bad blocks
else
    echo "promtool is not installed: not asked"
fi
finish

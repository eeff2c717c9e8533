# A control group with a limit of memory, for scripts that have sourced programs.sh. Sourcing makes one, named in `group`, and has it
# removed at the end; where none can be made the script is skipped. Needs the right to (root, or a delegated group); version 1 or 2.
#
# SPDX-License-Identifier: MIT

# make_group: a group under the one that we are in, or under the root; sets group, limit_file, swap_file.
make_group() {
    local parent v1=/sys/fs/cgroup/memory v2=/sys/fs/cgroup path
    path=$(sed -n 's/^[0-9]*:memory:\(.*\)/\1/p' /proc/self/cgroup)
    for parent in "$v1$path" "$v1"; do
        group=$parent/roost_test_$$
        limit_file=memory.limit_in_bytes swap_file=memory.memsw.limit_in_bytes
        if [ -e "$parent/$limit_file" ] && mkdir "$group" 2>/dev/null; then return 0; fi
    done
    path=$(sed -n 's/^0::\(.*\)/\1/p' /proc/self/cgroup)
    for parent in "$v2$path" "$v2"; do
        group=$parent/roost_test_$$
        limit_file=memory.max swap_file=memory.swap.max
        mkdir "$group" 2>/dev/null || continue
        if [ -e "$group/$limit_file" ]; then return 0; fi
        rmdir "$group"
    done
    return 1
}

if ! make_group 2>/dev/null; then
    echo "SKIPPED: no control group with a limit of memory can be made here"
    exit 77
fi
trap 'rmdir "$group" 2>/dev/null; cleanup' EXIT

# limit MIB: of memory, and of memory with swap where that can be said.
limit() {
    local bytes=$(($1 << 20)) swap=$(($1 << 20))
    [ "$limit_file" != memory.max ] || swap=0
    echo $bytes >"$group/$limit_file"
    [ ! -e "$group/$swap_file" ] || echo $swap >"$group/$swap_file" 2>/dev/null || true
}


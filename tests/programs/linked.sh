#!/usr/bin/env bash
# The ways to link roost: shared, archive, position-independent and not, fully static, by each linker that is installed, with
# link-time optimisation, with --wrap, twice in one process, and inside a library that is opened and closed 50 times.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need gcc
source=$(cd "$(dirname "$0")" && pwd)/lib
lib=$(dirname "$ROOST_LIB")
archive=$lib/libroost.a
tried=0

# way NAME FLAG...: links the program so, and runs it.
way() {
    local name=$1
    shift
    if ! gcc -O1 -fno-builtin -pthread "$source/linked.c" -o "$work/$name" "$@" 2>"$work/error"; then
        fail "$name does not link: $(head -n 5 "$work/error")"
    fi
    [ "$(timeout -k 5 30 "$work/$name")" = roost ] || fail "$name: not on roost, or it failed"
    tried=$((tried + 1))
}

shared=(-L"$lib" -Wl,--push-state,--no-as-needed -lroost -Wl,--pop-state -Wl,-rpath,"$lib")
for linker in bfd gold lld; do
    command -v "ld.$linker" >/dev/null || continue
    way "$linker-shared" -fuse-ld="$linker" "${shared[@]}"
    way "$linker-pie" -fuse-ld="$linker" -pie "$archive"
    way "$linker-no-pie" -fuse-ld="$linker" -no-pie "$archive"
    way "$linker-sections" -fuse-ld="$linker" -Wl,--gc-sections "$archive"
    if [ -e "$(gcc -print-file-name=libc.a)" ]; then
        way "$linker-static" -fuse-ld="$linker" -static "$archive"
        # gold of binutils 2.40 cannot: it does not know --no-dynamic-linker.
        [ "$linker" = gold ] || way "$linker-static-pie" -fuse-ld="$linker" -static-pie "$archive"
    fi
done
# gcc's link-time optimisation shows the linker no name of a function that it knows itself, so malloc is asked for.
way lto -flto -fbuiltin -Wl,-u,malloc "$archive"
way lto-shared -flto "${shared[@]}"
wrap=(-DWRAPPED -Wl,--wrap=malloc,--wrap=free)
way wrap "${wrap[@]}" "$archive"
way wrap-shared "${wrap[@]}" "${shared[@]}"

# Twice: the program's own copy serves all, the preloaded one lies idle.
[ "$(on_roost 30 "$work/bfd-pie")" = roost ] || fail "an archive in the program and the library preloaded do not get along"
[ "$(on_roost 30 "$work/bfd-shared")" = roost ] || fail "linked and preloaded do not get along"

# A library with a copy inside, opened by a program on the system's allocator, and by one on roost.
gcc -O1 -shared -fPIC -I"$ROOST_SOURCE_DIR/include" "$source/embedded.c" "$lib/libroost_api.a" -o "$work/embedded.so" \
    -Wl,--exclude-libs,ALL -pthread -Wl,--version-script=<(echo '{ global: embedded_*; local: *; };')
gcc -O1 "$source/late.c" -o "$work/late" -pthread -ldl -DMAKE='"embedded_make"' -DEND='"embedded_end"'
for preload in "" "$ROOST_LIB"; do
    read -r _ _ early late unloaded < <(timeout -k 5 60 env ${preload:+LD_PRELOAD="$preload"} "$work/late" "$work/embedded.so" 50 threads)
    [ "$unloaded" -eq 50 ] || fail "the library with roost inside was unloaded $unloaded times of 50"
    [ "$late" -le $((early + 65536)) ] || fail "address space grew from $early to $late KiB"
done
echo "$tried ways"

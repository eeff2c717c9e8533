#!/bin/bash
# roost run: what it runs, on which library, and how it refuses.
# SPDX-License-Identifier: MIT
set -u
. "$(dirname "$0")/lib/expect.bash"
unset LD_PRELOAD ROOST_LIBRARY
real_lib=$(realpath "$ROOST_LIB")
other=$(realpath "$("${CC:-cc}" -print-file-name=libm.so.6)")

# The program, its arguments, its exit code, its streams.
expect 0 'a b|c' '' "$ROOST_CMD" run -- /bin/sh -c 'printf "%s|%s" "$1" "$2"' sh 'a b' c
expect 0 'x' '' "$ROOST_CMD" run printf x
expect 7 '' '' "$ROOST_CMD" run -- sh -c 'exit 7'
expect 0 '-l' '' "$ROOST_CMD" run printf -- -l
expect 0 'in' '' "$ROOST_CMD" run -- cat <<<in

# The library: found beside the command, and really mapped and named.
expect 0 "$real_lib" '' "$ROOST_CMD" run -- sh -c 'echo "$LD_PRELOAD"'
mapped=$("$ROOST_CMD" run -- grep -c "$(basename "$real_lib")" /proc/self/maps)
[ "${mapped:-0}" -gt 0 ] || fail "libroost.so is not mapped into the program"
expect 0 "$real_lib:$other" '' env LD_PRELOAD="$other" "$ROOST_CMD" run -- sh -c 'echo "$LD_PRELOAD"'
expect 0 '' "roost: running true on $real_lib" "$ROOST_CMD" run --verbose true

# A library by name: relative, by --lib, by environment; --lib is stronger.
mkdir -p "$scratch/there" "$scratch/alone"
cp "$real_lib" "$scratch/there/mine.so"
cp "$ROOST_CMD" "$scratch/alone/roost"
cd "$scratch" || exit 1
expect 0 "$scratch/there/mine.so" '' "$ROOST_CMD" run --lib there/mine.so -- sh -c 'echo "$LD_PRELOAD"'
expect 0 "$scratch/there/mine.so" '' "$ROOST_CMD" run --lib=there/mine.so sh -c 'echo "$LD_PRELOAD"'
expect 0 "$scratch/there/mine.so" '' env ROOST_LIBRARY=there/mine.so "$ROOST_CMD" run sh -c 'echo "$LD_PRELOAD"'
expect 0 "$scratch/there/mine.so" '' env ROOST_LIBRARY=/nowhere "$ROOST_CMD" run -l there/mine.so sh -c \
    'echo "$LD_PRELOAD"'

# ../lib and ../lib/<multiarch> of an installed tree, also by a link to the command, found by PATH.
for place in lib "lib/$("${CC:-cc}" -print-multiarch)" lib64; do
    rm -rf tree && mkdir -p "tree/bin" "tree/$place"
    cp "$ROOST_CMD" tree/bin/roost
    cp "$real_lib" "tree/$place/libroost.so.0"
    expect 0 "$scratch/tree/$place/libroost.so.0" '' tree/bin/roost run sh -c 'echo "$LD_PRELOAD"'
done
ln -s "$scratch/tree/bin/roost" there/roost
expect 0 "$scratch/tree/lib64/libroost.so.0" '' env PATH="$scratch/there:$PATH" roost run sh -c 'echo "$LD_PRELOAD"'

# Refusals: one line, and the code that says whose fault it is.
expect 127 '' 'roost: cannot run no-such-program: *' "$ROOST_CMD" run -- no-such-program
expect 127 '' 'roost: cannot run ./no-such-program: *' "$ROOST_CMD" run -- ./no-such-program
expect 126 '' 'roost: cannot run /etc: *' "$ROOST_CMD" run -- /etc
printf '#!/bin/sh\n' >not-executable
expect 126 '' 'roost: cannot run ./not-executable: *' "$ROOST_CMD" run -- ./not-executable
expect 127 '' 'roost: cannot use the library /nowhere.so: *' "$ROOST_CMD" run --lib /nowhere.so true
expect 127 '' 'roost: cannot use the library /nowhere.so: *' env ROOST_LIBRARY=/nowhere.so "$ROOST_CMD" run true
expect 127 '' 'roost: cannot use the library ./not-executable: not a shared library' \
    "$ROOST_CMD" run --lib ./not-executable true
expect 127 '' 'roost: cannot use the library .: not a file' "$ROOST_CMD" run --lib . true
cp "$real_lib" 'with blank.so'
expect 127 '' 'roost: cannot preload *: its path has a blank or a colon' "$ROOST_CMD" run --lib 'with blank.so' true

# No library anywhere, unless this machine has one installed.
out=$(alone/roost run sh -c 'echo "$LD_PRELOAD"' 2>&1)
case $?:$out in
"127:roost: libroost.so is not in $scratch/alone, ../lib or "* | 0:/*/libroost.so*) ;;
*) fail "without a library: '$out'" ;;
esac

# Usage.
expect 2 '' "roost: run: no program is given; *" "$ROOST_CMD" run
expect 2 '' "roost: run: no program is given; *" "$ROOST_CMD" run --
expect 2 '' "roost: run: --unknown is not an option; *" "$ROOST_CMD" run --unknown true
expect 2 '' "roost: run: -x is not an option; *" "$ROOST_CMD" run -x true
expect 2 '' "roost: run: --lib needs a value; *" "$ROOST_CMD" run --lib
expect 2 '' "roost: run: -l needs a value; *" "$ROOST_CMD" run -l
expect 2 '' "roost: run: --verbose=3 takes no value; *" "$ROOST_CMD" run --verbose=3 true
finish

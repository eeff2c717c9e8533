#!/usr/bin/env bash
# git: clone, gc and fsck of a repository made on the fly.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need git perl

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
cd "$work"
git init -q -b main source
perl -e '
    print "reset refs/heads/main\n";
    for my $c (1 .. 800) {
        my $m = "commit $c\n";
        print "commit refs/heads/main\ncommitter A <a\@example.org> ", 1700000000 + $c, " +0000\ndata ", length $m, "\n$m";
        for my $f (0 .. 2) {
            my $text = join "", map { "line $_ of file $f in " . int($c / (1 + $_ % 9)) . "\n" } 1 .. 20 + ($c * ($f + 3)) % 400;
            print "M 100644 inline dir", ($c + $f) % 17, "/file", ($c * 7 + $f) % 211, "\ndata ", length $text, "\n$text\n";
        }
    }' | timeout 60 git -C source fast-import --quiet

file=$(git -C source ls-tree -r --name-only main | sed -n 1p)

# run NAME RUNNER: the same steps on one allocator, standard output and error to NAME.out
run() {
    local step
    while read -ra step; do
        if ! "$2" 120 git "${step[@]}" >>"$1.out" 2>&1; then
            tail -n 5 "$1.out" >&2
            fail "on $1: git ${step[*]}"
        fi
    done <<STEPS
clone -q --no-local --bare source $1.git
-C $1.git -c pack.threads=4 repack -q -a -d -f --depth=20 --window=8
-C $1.git gc -q --prune=now
-C $1.git fsck --full --strict --no-progress
clone -q $1.git $1.tree
-C $1.tree log --stat main
-C $1.tree grep -c line.1[0-9].of main
-C $1.tree diff HEAD~400 HEAD
-C $1.tree blame main -- $file
STEPS
}
run glibc on_system
run roost on_roost
sed -i 's/roost\.\(git\|tree\)/glibc.\1/g' roost.out
[ "$(wc -l <glibc.out)" -gt 1000 ] || fail "git said too little"
same glibc.out roost.out "the output of git"
on_roost_proved 60 git -C roost.tree rev-list --objects --all >roost.objects
git -C source rev-list --objects --all main >source.objects
same source.objects roost.objects "the list of objects"
echo "$(wc -l <roost.objects) objects cloned, repacked and checked"

#!/usr/bin/env bash
# perl: strings, hashes, closures, regular expressions, sorting and fork.
#
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR source=../support/programs.sh
. "$(dirname "$0")/../support/programs.sh"
need perl

cat >"$work/script.pl" <<'PERL'
use strict; use warnings;
my (%h, @l); my $x = 1; my $sum = 0;
for my $i (1 .. 300000) {
    $x = ($x * 1103515245 + 12345) & 0x7fffffff;
    my $k = "key" . $x % 20000;
    if ($x % 3) { $h{$k} .= chr(65 + $x % 26) x ($x % 60) } else { delete $h{$k} }
    push @l, [$x, $k, { n => $i }] if $i % 3 == 0;
    shift @l if @l > 20000;
}
$sum += length $h{$_} for sort keys %h;
print scalar(keys %h), " $sum\n";
print join(",", map { $_->[1] } (sort { $a->[0] <=> $b->[0] } @l)[0 .. 20]), "\n";
my $text = join " ", map { $_->[1] . "=" . $_->[0] } @l;
my %count; $count{$1}++ while $text =~ /key(\d\d)\d*=/g;
print join(" ", map { "$_:$count{$_}" } sort keys %count), "\n";
(my $copy = $text) =~ s/(\d+)=(\d+)/$2=$1/g;
print length($copy), " ", unpack("%32C*", $copy), "\n";
my @f = map { my $n = $_; sub { $n += shift; $n } } 1 .. 50000;
my $t = 0; $t += $_->(3) for @f; print "$t\n";
for my $c (1 .. 5) {
    my $pid = fork() // die; 
    if (!$pid) { my @big = map { "x" x 1000 } 1 .. 5000; exit(@big == 5000 ? $c : 99) }
    waitpid $pid, 0; print "child ", $? >> 8, "\n";
}
print length(eval { my $s = "ab" x 30_000_000; $s . $s }), "\n";
PERL
PERL_HASH_SEED=0 on_system 120 perl "$work/script.pl" >"$work/glibc.out"
PERL_HASH_SEED=0 on_roost_proved 180 perl "$work/script.pl" >"$work/roost.out"
same "$work/glibc.out" "$work/roost.out" "the output of the script"
echo "$(wc -l <"$work/roost.out") lines are the same"

/* The default string of the program, as the harness of options sets it. roost.h, which says const, is not included: here it changes.
 * SPDX-License-Identifier: MIT */
extern char roost_default_options[];
char roost_default_options[4096];

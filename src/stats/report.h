/* Statistics as text. SPDX-License-Identifier: MIT */
#ifndef RST_STATS_REPORT_H
#define RST_STATS_REPORT_H

/* Print all figures to standard error. Any thread; never allocates. */
void rst_report_stats(void);

#endif

/* The descriptor of roost/live.h, by which other programs read this process. SPDX-License-Identifier: MIT */
#ifndef RST_STATS_LIVE_H
#define RST_STATS_LIVE_H

/* Fill in what is only known while running. Once, when the library starts. */
void rst_live_publish(void);

#endif

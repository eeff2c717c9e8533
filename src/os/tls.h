/* How a thread-local word is declared. The TLS model is chosen for the whole library by the build
 * (initial-exec: one load from the thread pointer). SPDX-License-Identifier: MIT */
#ifndef RST_OS_TLS_H
#define RST_OS_TLS_H

#define RST_THREAD_LOCAL _Thread_local

#endif

/* kvserver: the sharded hash table. Each shard has its lock; every function may be called from any thread.
 * The table owns the items in it; what a function returns belongs to the caller.
 * SPDX-License-Identifier: MIT */
#ifndef KV_TABLE_H
#define KV_TABLE_H

#include "kv.h"

struct table;

struct table *table_new(void);
void table_delete(struct table *table);

/** Put `item` (a SET) in. @return the item it replaces, or NULL. */
struct item *table_set(struct table *table, struct item *item);

/** @return the answer to `request` with a copy of the value, or MISS; NULL when out of memory. */
struct answer *table_get(struct table *table, struct item *request);

/** Take the item with the key of `request` out. @return it, or NULL. */
struct item *table_remove(struct table *table, struct item *request);

/** Allocate an answer with room for a value. @return NULL when out of memory. */
struct answer *answer_new(enum kv_status status, size_t value_len);

#endif

/* kvserver: the sharded hash table (see table.h): chains of items, buckets doubled as a shard grows.
 * Nothing is freed under a lock; a value is copied under it, since the item may be replaced afterwards.
 * SPDX-License-Identifier: MIT */
#include "table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SHARD_BITS = 6, SHARDS = 1 << SHARD_BITS, FIRST_BUCKETS = 256, CACHE_LINE = 64 };

struct shard {
    _Alignas(CACHE_LINE) pthread_mutex_t lock;
    struct item **buckets; /* this and all below: under the lock */
    size_t bucket_count;   /* a power of two */
    size_t items;
};

struct table {
    struct shard shards[SHARDS];
};

/* FNV-1a, and a multiply-shift at the end because the table uses both the low and the high bits. */
static uint64_t hash_key(const char *key, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)key[i]) * 0x100000001b3u;
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static struct shard *shard_of(struct table *table, struct item *item)
{
    item->hash = hash_key(item->bytes, item->head.key_len);
    return &table->shards[item->hash >> (64 - SHARD_BITS)];
}

static bool same_key(const struct item *a, const struct item *b)
{
    return a->hash == b->hash && a->head.key_len == b->head.key_len && memcmp(a->bytes, b->bytes, a->head.key_len) == 0;
}

/* The link that points to the item with this key, or the one at the chain's end. */
static struct item **find_locked(struct shard *shard, const struct item *wanted)
{
    struct item **link = &shard->buckets[wanted->hash & (shard->bucket_count - 1)];
    while (*link && !same_key(*link, wanted))
        link = &(*link)->next;
    return link;
}

/* Double the buckets; out of memory only means longer chains. */
static void grow_locked(struct shard *shard)
{
    size_t count = shard->bucket_count * 2;
    struct item **buckets = calloc(count, sizeof(struct item *));
    if (!buckets)
        return;
    for (size_t i = 0; i < shard->bucket_count; i++) {
        struct item *item = shard->buckets[i];
        while (item) {
            struct item *next = item->next;
            struct item **home = &buckets[item->hash & (count - 1)];
            item->next = *home;
            *home = item;
            item = next;
        }
    }
    free(shard->buckets);
    shard->buckets = buckets;
    shard->bucket_count = count;
}

struct table *table_new(void)
{
    struct table *table = aligned_alloc(CACHE_LINE, sizeof *table);
    if (!table)
        return NULL;
    memset(table, 0, sizeof *table);
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &table->shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        shard->bucket_count = FIRST_BUCKETS;
        shard->buckets = calloc(FIRST_BUCKETS, sizeof(struct item *));
        if (!shard->buckets) {
            table_delete(table);
            return NULL;
        }
    }
    return table;
}

void table_delete(struct table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &table->shards[i];
        if (!shard->buckets)
            break; /* table_new ended here */
        for (size_t b = 0; b < shard->bucket_count; b++) {
            for (struct item *item = shard->buckets[b], *next; item; item = next) {
                next = item->next;
                free(item);
            }
        }
        free(shard->buckets);
        pthread_mutex_destroy(&shard->lock);
    }
    free(table);
}

struct item *table_set(struct table *table, struct item *item)
{
    struct shard *shard = shard_of(table, item);
    pthread_mutex_lock(&shard->lock);
    struct item **link = find_locked(shard, item);
    struct item *old = *link;
    item->next = old ? old->next : NULL;
    *link = item;
    if (!old && ++shard->items > shard->bucket_count)
        grow_locked(shard);
    pthread_mutex_unlock(&shard->lock);
    return old;
}

struct answer *table_get(struct table *table, struct item *request)
{
    struct shard *shard = shard_of(table, request);
    pthread_mutex_lock(&shard->lock);
    const struct item *item = *find_locked(shard, request);
    struct answer *answer = NULL;
    if (item) {
        answer = answer_new(KV_OK, item->head.value_len);
        if (answer)
            memcpy(answer->value, item->bytes + item->head.key_len, item->head.value_len);
    }
    pthread_mutex_unlock(&shard->lock);
    return item ? answer : answer_new(KV_MISS, 0);
}

struct item *table_remove(struct table *table, struct item *request)
{
    struct shard *shard = shard_of(table, request);
    pthread_mutex_lock(&shard->lock);
    struct item **link = find_locked(shard, request);
    struct item *item = *link;
    if (item) {
        *link = item->next;
        shard->items--;
    }
    pthread_mutex_unlock(&shard->lock);
    return item;
}

struct answer *answer_new(enum kv_status status, size_t value_len)
{
    struct answer *answer = malloc(sizeof *answer + value_len);
    if (!answer)
        return NULL;
    answer->next = NULL;
    answer->head = (struct kv_answer_head){.status = (uint8_t)status, .value_len = (uint32_t)value_len};
    return answer;
}

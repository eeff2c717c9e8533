/* kvserver: what its files share: the protocol, the limits, and the blocks that travel between threads.
 *
 * Protocol (TCP, integers little-endian, answers in the order of the requests of a connection):
 *   request  u8 op (1 GET, 2 SET, 3 DEL), u8 0, u16 key_len (1..KEY_MAX), u32 value_len, key, value
 *   answer   u8 status (0 OK, 1 MISS, 2 NO_MEMORY), u8 0, u16 0, u32 value_len, value
 * Only SET has a value (VALUE_MIN..VALUE_MAX bytes), only a GET that hits is answered with one. A
 * request that breaks these rules closes the connection.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef KV_H
#define KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kv_op { KV_GET = 1, KV_SET = 2, KV_DEL = 3 };
enum kv_status { KV_OK = 0, KV_MISS = 1, KV_NO_MEMORY = 2 };

enum {
    KV_KEY_MAX = 250,
    KV_VALUE_MIN = 16,
    KV_VALUE_MAX = 1 << 20,
    KV_MAX_THREADS = 32,      /* of each kind */
    KV_MAX_CONNECTIONS = 1000 /* below a mailbox lane's capacity, so that a lane never overflows */
};

struct kv_request_head {
    uint8_t op;
    uint8_t reserved;
    uint16_t key_len;
    uint32_t value_len;
};

struct kv_answer_head {
    uint8_t status;
    uint8_t reserved;
    uint16_t reserved2;
    uint32_t value_len;
};

/* A request as the I/O thread read it. That of a SET becomes the table's entry as it is: allocated by an I/O
 * thread, freed by the worker that replaces or deletes it. Always owned by one thread, or by a locked shard. */
struct item {
    struct item *next; /* in a connection's batch, later in a bucket */
    uint64_t hash;     /* of the key; written by the worker */
    struct kv_request_head head;
    char bytes[]; /* key, then value */
};

/* What a worker allocates and an I/O thread sends and frees. `head` and `value` go out as one piece. */
struct answer {
    struct answer *next;
    struct kv_answer_head head;
    char value[];
};

static inline size_t item_body_size(const struct item *item)
{
    return (size_t)item->head.key_len + item->head.value_len;
}

static inline size_t answer_wire_size(const struct answer *answer)
{
    return sizeof answer->head + answer->head.value_len;
}

#endif
